import { signal } from '@preact/signals'
import { loadSetting, saveSetting } from '../state/storage.ts'

/** Whether each message shows the gateway that took it. A setting of this browser. */
export const showsGateways = signal(loadSetting('gateways') === true)

export function setShowsGateways(on: boolean): void {
  saveSetting('gateways', on || undefined)
  showsGateways.value = on
}
