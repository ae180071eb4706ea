import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'
import { pushed } from './pushed.ts'
import { isPossible, set, settings, turnOn } from './settings.ts'

/** Button that turns notifications on, or what is set if they are on. */
export function NotificationSettings(): JSX.Element | null {
  const refused = useSignal(false)
  if (!isPossible) return null
  const { notify, sound } = settings.value
  if (notify && Notification.permission === 'granted') {
    return (
      <fieldset class="notifications">
        <legend>{t.notifications.notifications}</legend>
        <Choice label={t.notifications.show} name="notify" value={notify} />
        <Choice label={t.notifications.sound} name="sound" value={sound} />
        {pushed.value && <p class="quiet small">{t.notifications.whileClosed}</p>}
      </fieldset>
    )
  }
  return (
    <div class="notifications">
      <button
        type="button"
        class="quiet-button"
        onClick={async () => {
          refused.value = (await turnOn()) === 'denied'
        }}
      >
        <Icon name="bell" size={18} />
        {t.notifications.turnOn}
      </button>
      <p class="quiet small" role="status">
        {refused.value && t.notifications.blocked}
      </p>
    </div>
  )
}

function Choice(props: { label: string; name: 'notify' | 'sound'; value: boolean }): JSX.Element {
  return (
    <label class="choice">
      <input
        type="checkbox"
        checked={props.value}
        onChange={({ currentTarget }) => set(props.name, currentTarget.checked)}
      />
      {props.label}
    </label>
  )
}
