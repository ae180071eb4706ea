import type { GatewayRegistry } from '../cluster/gateway-registry.ts'
import { type Command, withRef } from './command.ts'

export interface GatewaysParts {
  readonly id: string
  readonly registry: Pick<GatewayRegistry, 'list'>
}

/** Lists the gateways that this one knows. */
export const gateways: Command<'gateways', GatewaysParts> = ({ id, registry }, session, frame) => {
  session.reply({ type: 'gateways', ...withRef(frame.ref), gateways: registry.list(), here: id })
}
