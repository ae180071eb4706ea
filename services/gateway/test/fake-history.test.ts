import { testHistoryClient } from '@rabble/history/conformance'
import t from 'tap'
import { createFakeHistory } from './fake-history.ts'

t.test('the history of these tests does what the real one does', async (t) => {
  testHistoryClient(t, async () => {
    const history = createFakeHistory()
    history.through = null
    return {
      client: history,
      async store(...events) {
        for (const event of events) {
          if (!history.messages.has(event.id)) history.messages.set(event.id, event)
        }
        history.through = (history.through ?? -1) + 1
        return history.through
      },
    }
  })
})
