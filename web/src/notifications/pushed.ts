import { signal } from '@preact/signals'

/** Whether the server pushes to this browser, so that the user is notified while the page is closed. */
export const pushed = signal(false)
