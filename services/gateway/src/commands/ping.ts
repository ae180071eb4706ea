import { type Command, withRef } from './command.ts'

export const ping: Command<'ping'> = (_context, session, frame) => {
  session.reply({ type: 'pong', ...withRef(frame.ref) })
}
