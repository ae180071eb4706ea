import t from 'tap'
import { checkOrder } from '../src/index.ts'

const all = ['a', 'b', 'c', 'd', 'e', 'f']

t.test('equal streams are fine', async (t) => {
  const report = checkOrder({ ada: all, bob: all }, all)
  t.equal(report.ok, true)
  t.equal(report.text, '2 streams of the same 6 messages in the same order')
})

t.test('an acknowledged message that nobody saw is missing', async (t) => {
  const report = checkOrder({ ada: all, bob: all }, [...all, 'g'])
  t.equal(report.ok, false)
  t.same([...report.missing.keys()], ['ada', 'bob'])
  t.match(report.text, /ada lacks 1 \(g\) \(1 of them acknowledged\)/)
})

t.test('what one saw and another did not is missing, acknowledged or not', async (t) => {
  const report = checkOrder({ ada: all, bob: ['a', 'b', 'd', 'e', 'f'] }, ['a'])
  t.same([...report.missing], [['bob', ['c']]])
  t.match(report.text, /bob lacks 1 \(c\) \(0 of them acknowledged\)/)
  t.same(report.disordered, [], 'the rest is in order')
})

t.test('a message that came twice is found, wherever it stands', async (t) => {
  const report = checkOrder({ ada: all, bob: ['a', 'b', 'c', 'd', 'a', 'e', 'f'] })
  t.same([...report.repeated], [['bob', ['a']]])
  t.same(report.disordered, [])
  t.equal(report.ok, false)
})

t.test('the first difference in order is shown with what stands around it', async (t) => {
  const report = checkOrder({ ada: all, bob: ['a', 'b', 'c', 'e', 'd', 'f'], eve: all }, all)
  t.same(report.disordered, ['bob'])
  t.match(report.text, 'at 3: b c >d< e f (ada)')
  t.match(report.text, 'at 3: b c >e< d f (bob)')
})

t.test('acknowledged messages without anybody to see them are a finding', async (t) => {
  t.equal(checkOrder({}, ['a']).ok, false)
  t.equal(checkOrder({}, []).ok, true)
})
