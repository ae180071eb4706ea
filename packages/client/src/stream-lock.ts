/** Maximum number of tabs of a browser that hold a response open. Over HTTP/1.1 it opens six connections to a host. */
const maxStreams = 3

/**
 * Returns a function that gives the place back, or undefined if all tabs that may hold a response open are taken. Outside of
 * browsers, and in those without locks, every session may.
 */
export async function takeStream(): Promise<(() => void) | undefined> {
  const locks = globalThis.location && globalThis.navigator.locks
  let release = locks ? undefined : () => {}
  for (let place = 1; !release && place <= maxStreams; place++) {
    await new Promise<void>((resolve) => {
      const held = locks.request(`rabble-stream-${place}`, { ifAvailable: true }, (lock) => {
        resolve()
        if (lock === null) return
        return new Promise<void>((free) => {
          release = free
        })
      })
      // A page that may use no locks, such as one in a sandbox, is one of few.
      held.catch(() => {
        release = () => {}
        resolve()
      })
    })
  }
  return release
}
