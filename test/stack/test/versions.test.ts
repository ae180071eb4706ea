import t from 'tap'
import { buildVersion } from '../src/upgrade/versions.ts'

t.test('a commit that the clone lacks is an error that says what to do', async (t) => {
  await t.rejects(buildVersion('the old version', 'no-such-commit'), {
    message: /^this clone has no commit no-such-commit; .*git fetch --unshallow/,
  })
})
