import { type Command, withRef } from './command.ts'

/** Which gateways there are, as far as this one has heard. */
export const gateways: Command<'gateways'> = (context, session, frame) => {
  session.reply({
    type: 'gateways',
    ...withRef(frame.ref),
    gateways: context.gateways.list(),
    here: context.id,
  })
}
