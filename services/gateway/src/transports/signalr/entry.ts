import { errorCodes, type ServerFrames } from '@rabble/contract'
import type { Answer } from './calls.ts'
import type { Admission } from './dispatcher.ts'
import type { Frame } from './methods.ts'
import { errorOf, frameOf } from './replies.ts'

/**
 * Says hello and joins rooms. `request` sends a frame to the core. `done` gets the welcome, or the error; at that moment, the session has
 * become a member of the last room. A room that can't be joined for long is left out: `missed` tells why.
 */
export function enter(
  request: (frame: Frame, answer: Answer) => void,
  hello: Frame,
  rooms: string[],
  done: (result: Admission, missed: ServerFrames['left'][]) => void,
): void {
  const missed: ServerFrames['left'][] = []
  request(hello, (reply) => {
    const result = frameOf(reply) as Admission
    const next = () => {
      const room = rooms.shift()
      if (room === undefined) {
        done(result, missed)
        return
      }
      request({ type: 'join', room, recent: 0 }, (answer) => {
        const error = errorOf(answer)
        if (error !== undefined && errorCodes[error.code].status >= 429) {
          done(error, missed)
          return undefined
        }
        if (error !== undefined) missed.push({ type: 'left', room, code: error.code, message: error.message })
        next()
        return undefined
      })
    }
    if (result.type === 'error') done(result, missed)
    else next()
    return undefined
  })
}
