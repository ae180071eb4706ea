import type { MessageEvent } from '@rabble/contract'
import type { HistoryClient } from '@rabble/history/client'

/** A history that has what a test gives it, and is as late or dead as the test wants. */
export interface FakeHistory extends HistoryClient {
  messages: Map<string, MessageEvent>
  /** How far it says that it has read the log; null: nothing yet. */
  through: number | null
  down: boolean
  /** How often it was asked for a message. */
  readonly asked: number
  /** The most questions for a message that were open at a time. */
  readonly mostAtOnce: number
}

export function createFakeHistory(): FakeHistory {
  let asked = 0
  let open = 0
  let mostAtOnce = 0
  return {
    messages: new Map(),
    through: Number.MAX_SAFE_INTEGER,
    down: false,
    get asked() {
      return asked
    },
    get mostAtOnce() {
      return mostAtOnce
    },
    async replay() {
      if (this.down) throw new Error('no history today')
      return { through: this.through, joined: true, complete: true, ids: [], lines: [] }
    },
    async find(room, id) {
      asked++
      mostAtOnce = Math.max(mostAtOnce, ++open)
      await new Promise(setImmediate)
      open--
      if (this.down) throw new Error('no history today')
      const message = this.messages.get(id)
      return { through: this.through, message: message?.room === room ? message : undefined }
    },
  }
}
