import { signal } from '@preact/signals'
import { firstRoom, hashOf, type Route, routeOf } from './address.ts'
import { load, save } from './storage.ts'

export { firstRoom, hashOf, type ModerationPart, type Route } from './address.ts'

/** Current view. To change it, call `go`, or use a link to `hashOf`. */
export const route = signal<Route>({ view: 'room', room: firstRoom })

export function go(to: Route): void {
  location.hash = hashOf(to)
}

/** Keeps the address for when the browser comes back from the provider of accounts, which only knows the page. */
export function keepPlace(): void {
  save('place', location.hash)
}

/** Updates `route` with the address. */
export function startRouting(): void {
  const place = load('place')
  save('place', undefined)
  if (typeof place === 'string' && location.hash === '') history.replaceState(history.state, '', place)
  const follow = () => {
    route.value = routeOf(location.hash)
  }
  follow()
  addEventListener('hashchange', follow)
}

/** Open drawer on narrow screens. A change of the view closes it. */
export const drawer = signal<'rooms' | 'people' | undefined>(undefined)
route.subscribe(() => {
  drawer.value = undefined
})
