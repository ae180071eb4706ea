import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openLogFile } from '../src/log-file.ts'

t.test('a file of a log goes on as a new one before it is too large, and the one before is kept', (t) => {
  const path = join(t.testdir(), 'a.log')
  writeFileSync(path, '12345')
  const append = openLogFile(path, 10)
  const read = () => [path, `${path}.1`].map((file) => readFileSync(file, 'utf8'))
  append(Buffer.from('67890'))
  t.equal(readFileSync(path, 'utf8'), '1234567890')
  append(Buffer.from('abc'))
  t.same(read(), ['abc', '1234567890'])
  append(Buffer.from('a chunk that is larger alone'))
  t.same(read(), ['a chunk that is larger alone', 'abc'])
  openLogFile(join(path, 'no', 'folder'))(Buffer.from('lost'))
  t.end()
})
