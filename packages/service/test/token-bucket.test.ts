import t from 'tap'
import { TokenBucket } from '../src/token-bucket.ts'

t.test('a burst passes at once, then as many as the rate allows, and the wait is told', async (t) => {
  const bucket = new TokenBucket(20, 40, 0)
  const take = (count: number, now: number) => Array.from({ length: count }, () => bucket.take(now))
  t.strictSame(new Set(take(40, 0)), new Set([0]))
  t.equal(bucket.take(0), 50)
  t.equal(bucket.take(49), 1)
  t.equal(bucket.take(50), 0)
  t.equal(bucket.take(50), 50)
  t.strictSame(new Set(take(40, 10_000)), new Set([0]), 'no more than the burst is saved up')
  t.not(bucket.take(10_000), 0)
})

t.test('what is taken beyond what is there is owed, and the wait is for all of it', async (t) => {
  const bucket = new TokenBucket(100, 1_000, 0)
  t.ok(bucket.isFull(0))
  bucket.spend(0, 3_000)
  t.equal(bucket.wait(0), 20_010)
  t.equal(bucket.take(20_009), 1)
  t.notOk(bucket.isFull(29_999))
  t.ok(bucket.isFull(30_000))
})
