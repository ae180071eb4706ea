import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { privateFolder } from '@rabble/harness'
import t from 'tap'
import { parse } from 'yaml'
import { filesIn, repository } from './repository.ts'

const files = ['Dockerfile', ...filesIn('', /\.yml$/).filter((path) => !path.includes('/'))]
const read = (file: string, folder = repository) => readFileSync(join(folder, file), 'utf8')

/** Returns the public images of a file: those without a variable in their names. */
function imagesIn(text: string): string[] {
  return [...text.matchAll(/^(?:FROM| +image:) ([^\s$]+)(?: AS .*)?$/gm)].map(([, image = '']) => image)
}

t.test('an image has a tag, and the same one in all files', async (t) => {
  const tags = new Map<string, string>()
  for (const file of files) {
    for (const image of imagesIn(read(file))) {
      const [name = '', ...tag] = image.split(/[:@]/)
      t.ok(tag.length > 0 && tag[0] !== 'latest', `${file}: ${image}`)
      t.equal(tag.join('@'), tags.get(name) ?? tag.join('@'), `${file}: ${image}`)
      tags.set(name, tag.join('@'))
    }
  }
  t.ok(tags.size >= 7, 'the images are found')
})

t.test('docker/pin-images pins all of them to digests, or none', async (t) => {
  const clone = privateFolder(t, 'clone')
  mkdirSync(join(clone, 'bin'))
  for (const file of [...files, 'docker/pin-images']) cpSync(join(repository, file), join(clone, file))
  const registry = (script: string) => {
    writeFileSync(join(clone, 'bin/docker'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(clone, 'bin/docker'), 0o755)
  }
  const pin = (...args: string[]) =>
    spawnSync(join(clone, 'docker/pin-images'), args, {
      env: { PATH: `${join(clone, 'bin')}:${process.env.PATH}` },
      encoding: 'utf8',
    })
  const changed = () => files.filter((file) => read(file) !== read(file, clone))

  registry('case "$*" in *postgres*) exit 1 ;; esac; echo sha256:00')
  t.not(pin().status, 0)
  t.same(changed(), [], 'a registry that does not answer changes nothing')
  for (const digest of ['0a'.repeat(32), '0b'.repeat(32)]) {
    registry(`echo sha256:${digest}`)
    t.equal(pin().status, 0)
    const images = files.flatMap((file) => imagesIn(read(file, clone)))
    t.same(
      images,
      files.flatMap((file) => imagesIn(read(file))).map((image) => `${image}@sha256:${digest}`),
    )
  }
  t.equal(pin('--remove').status, 0)
  t.same(changed(), [])
  t.match(pin('--wrong'), { status: 2, stderr: /unknown: --wrong/ })
})

t.test('Renovate knows all files with images', async (t) => {
  const { managerFilePatterns } = JSON.parse(read('renovate.json'))['docker-compose']
  const pattern = new RegExp(managerFilePatterns[0].slice(1, -1))
  for (const file of files.slice(1)) {
    const services: Record<string, { image?: string }> = parse(read(file)).services ?? {}
    if (Object.values(services).some((service) => service?.image !== undefined)) t.match(file, pattern)
  }
})
