import { pathToFileURL } from 'node:url'
import { fileComment } from './file-comment.ts'

// Runs the test files that the arguments name, one after the other, in this process: they load their modules once.
const files = process.argv.splice(1).slice(1)
// tap names the folders of `testdir` after the script and its arguments.
process.argv.push(files[0] ?? '')
const { t } = await import('tap')

/** Teardowns of the file that runs. tap's own would run after the last file. */
const teardowns: (() => unknown)[] = []
Object.assign(t, { teardown: (work: () => unknown) => teardowns.push(work) })

async function allEnded(): Promise<void> {
  if (!t.idle) await new Promise((resolve) => t.once('idle', resolve))
}

for (const file of files) {
  t.comment(fileComment(file))
  try {
    await import(pathToFileURL(file).href)
  } catch (error) {
    t.error(error, 'the file throws an error when it is loaded')
  }
  await allEnded()
  for (const work of teardowns.splice(0).reverse()) {
    try {
      await work()
    } catch (error) {
      t.error(error, 'a teardown throws an error')
    }
  }
  await allEnded()
}
