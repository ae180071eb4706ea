// Takes an order of the signed-in user, and tells the room of it.
import { rabble } from '../../../lib/rabble.js'
import { userOf } from '../../../lib/session.js'

export async function POST(request) {
  const user = userOf(request)
  if (user === undefined) return Response.json({ message: 'sign in first' }, { status: 401 })
  const { id, item } = await request.json().catch(() => ({}))
  if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id) || typeof item !== 'string' || item.length > 100) {
    return Response.json({ message: 'id and item are needed' }, { status: 400 })
  }
  // Here your application stores the order. With its id as the cid, a request that comes twice makes one message.
  await rabble.publish('general', `${user.name} has ordered ${item}`, { cid: `order-${user.id}-${id}` })
  return Response.json({ id }, { status: 201 })
}
