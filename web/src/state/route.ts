import { signal } from '@preact/signals'
import { firstRoom, hashOf, type Route, routeOf } from './address.ts'

export { firstRoom, hashOf, type Route } from './address.ts'

/** What is shown now. To go elsewhere call `go`, or let people follow a link to `hashOf`. */
export const route = signal<Route>({ view: 'room', room: firstRoom })

export function go(to: Route): void {
  location.hash = hashOf(to)
}

/** Follows the address. */
export function startRouting(): void {
  const follow = () => {
    route.value = routeOf(location.hash)
  }
  follow()
  addEventListener('hashchange', follow)
}

/** Which drawer is open where the columns have no place of their own. Going somewhere closes it. */
export const drawer = signal<'rooms' | 'people' | undefined>(undefined)
route.subscribe(() => {
  drawer.value = undefined
})
