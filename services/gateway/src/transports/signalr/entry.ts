import { errorCodes } from '@rabble/contract'
import type { Answer } from './calls.ts'
import type { Admission } from './dispatcher.ts'
import type { Frame } from './methods.ts'
import { errorOf, frameOf } from './replies.ts'

/**
 * Says hello and joins rooms. `request` sends a frame to the core. `done` gets the welcome, or the error; at that moment, the session has
 * become a member of the last room. A room that can't be joined for long is left out.
 */
export function enter(
  request: (frame: Frame, answer: Answer) => void,
  hello: Frame,
  rooms: string[],
  done: (result: Admission) => void,
): void {
  request(hello, (reply) => {
    const result = frameOf(reply) as Admission
    const next = () => {
      const room = rooms.shift()
      if (room === undefined) {
        done(result)
        return
      }
      request({ type: 'join', room, recent: 0 }, (answer) => {
        const error = errorOf(answer)
        if (error !== undefined && errorCodes[error.code].status >= 429) done(error)
        else next()
        return undefined
      })
    }
    if (result.type === 'error') done(result)
    else next()
    return undefined
  })
}
