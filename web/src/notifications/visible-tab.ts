/** Name of the lock that each visible tab of the browser holds. */
const visibleTab = 'rabble.visible'

/** Whether a tab of the browser is visible. */
export async function isAnyVisible(): Promise<boolean> {
  const { held = [] } = await navigator.locks.query()
  return held.some(({ name }) => name === visibleTab)
}

/** Tells the other tabs whether this one is visible. */
export function followVisibility(): void {
  let release = () => {}
  const follow = () => {
    release()
    if (document.hidden) return
    const whileVisible = () =>
      new Promise<void>((resolve) => {
        release = resolve
        if (document.hidden) resolve()
      })
    void navigator.locks.request(visibleTab, { mode: 'shared' }, whileVisible)
  }
  document.addEventListener('visibilitychange', follow)
  follow()
}
