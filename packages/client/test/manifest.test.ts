import t from 'tap'
import { originOf, packedManifest, withAbsoluteLinks } from '../packaging/manifest.ts'

const own = { name: '@rabble/client', version: '1.2.3', exports: {} }
const origin = originOf(own, { GITHUB_REPOSITORY: 'ada/rabble' })

t.test(
  'a package that a workflow makes names its repository, which npm compares with the provenance',
  async (t) => {
    const repository = { url: 'git+https://github.com/ada/rabble.git', directory: 'packages/client' }
    t.match(packedManifest(own, [], origin), { repository, bugs: 'https://github.com/ada/rabble/issues' })
    t.equal(originOf(own, {}), undefined)
    t.notMatch(packedManifest(own, [], undefined), { repository: Object })
  },
)

t.test('links of its pages lead to the files of the tag', async (t) => {
  const page = '[a](../../docs/client.md#rooms) [b](src/chat.ts) [c](https://example.org/) [d](#here)'
  const tag = 'https://github.com/ada/rabble/blob/v1.2.3'
  t.equal(
    withAbsoluteLinks(page, 'packages/client/', origin),
    `[a](${tag}/docs/client.md#rooms) [b](${tag}/packages/client/src/chat.ts) [c](https://example.org/) [d](#here)`,
  )
  t.equal(withAbsoluteLinks(page, 'packages/client/', undefined), page)
})
