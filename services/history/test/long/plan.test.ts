import t from 'tap'
import { checkPlans } from '../plans.ts'

t.test('a page or a replay of a room of 50,000 messages reads its own rows and little else', (t) =>
  checkPlans(t, 50_000),
)
