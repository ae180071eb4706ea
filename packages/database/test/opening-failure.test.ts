import t from 'tap'
import { openingFailure } from '../src/opening-failure.ts'

t.test('a database that can’t be opened says why, also if the error has no message', (t) => {
  const errnoError = { name: 'ErrnoError', errno: 51 }
  t.equal(openingFailure(errnoError, undefined), 'error 51 of its file system')
  t.equal(openingFailure(errnoError, '/tmp'), 'error 51 of its file system')
  t.equal(openingFailure(new Error('wrong version'), '/tmp'), 'wrong version')
  // A file system without free space, whatever the error.
  t.equal(openingFailure(new Error('Aborted()'), '/proc'), 'no space left on device')
  t.end()
})
