import { type Command, withRef } from './command.ts'

/** Answers, so that the client knows that its connection works. */
export const ping: Command<'ping', unknown> = (_parts, session, frame) => {
  session.reply({ type: 'pong', ...withRef(frame.ref) })
}
