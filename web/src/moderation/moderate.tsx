import { useSignal } from '@preact/signals'
import type { Chat } from '@rabble/client'
import { banUser, kickUser, muteUser, type Target } from '@rabble/client/moderation'
import type { JSX } from 'preact'
import { useAttempt } from '../state/attempt.ts'
import { isModerator } from '../state/roles.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { FormButtons } from '../ui/form-buttons.tsx'
import { moderating } from './open.ts'
import { Restrictions } from './restrictions.tsx'

type Act = 'mute' | 'kick' | 'ban'

/** Durations (s) to choose from. 0: for good. */
const durations = [600, 3_600, 86_400, 604_800, 0] as const

/** Dialog to mute, kick or ban a user, in the room or, for moderators, everywhere; with what is in force. */
export function Moderate(): JSX.Element | null {
  const { busy, problem, run } = useAttempt()
  const act = useSignal<Act>('mute')
  const done = useSignal('')
  const changed = useSignal(0)
  const what = moderating.value
  if (what === undefined) return null
  const { user, room } = what
  const close = () => {
    moderating.value = undefined
  }
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const everywhere = room === undefined || data.get('place') === 'everywhere'
    const target: Target = {
      user: user.id,
      reason: String(data.get('reason')).trim(),
      ...(!everywhere && { room }),
    }
    done.value = ''
    const chosen = act.peek()
    if (!(await run((chat) => carryOut(chat, chosen, target, Number(data.get('seconds')))))) return
    done.value = t.moderation.done[chosen](isolated(user.name))
    changed.value++
  }
  return (
    <Dialog title={t.moderation.moderate(isolated(user.name))} onClose={close}>
      <form class="dialog-form" autocomplete="off" onSubmit={(event) => void submit(event)}>
        <fieldset class="choices">
          <legend>{t.moderation.whatToDo}</legend>
          {(['mute', 'kick', 'ban'] as const).map((name) => (
            <label key={name} class="choice">
              <input
                type="radio"
                name="act"
                checked={act.value === name}
                onChange={() => {
                  act.value = name
                }}
              />
              <span>{t.moderation.acts[name]}</span>
            </label>
          ))}
        </fieldset>
        {act.value !== 'kick' && (
          <>
            <label for="moderation-seconds">{t.moderation.duration}</label>
            <select id="moderation-seconds" name="seconds">
              {durations.map((seconds) => (
                <option key={seconds} value={seconds} selected={seconds === 3_600}>
                  {t.moderation.durations[seconds]}
                </option>
              ))}
            </select>
          </>
        )}
        {room !== undefined && isModerator.value && (
          <>
            <label for="moderation-place">{t.moderation.place}</label>
            <select id="moderation-place" name="place">
              <option value="room">{t.moderation.onlyIn(isolated(room))}</option>
              <option value="everywhere">{t.moderation.everywhere}</option>
            </select>
          </>
        )}
        <label for="moderation-reason">{t.moderation.reason}</label>
        <input
          id="moderation-reason"
          name="reason"
          type="text"
          maxLength={256}
          aria-describedby="moderation-hint"
        />
        <p id="moderation-hint" class="quiet small">
          {t.moderation.reasonHint}
        </p>
        <p class="problem small" role="alert">
          {problem.value}
        </p>
        <p class="quiet" role="status">
          {done.value}
        </p>
        <FormButtons
          label={t.moderation.confirm[act.value]}
          kind="danger"
          busy={busy.value}
          onClose={close}
          {...(done.value !== '' && { leave: t.common.close })}
        />
      </form>
      <Restrictions
        key={changed.value}
        user={user.id}
        {...(!isModerator.value && room !== undefined && { room })}
      />
    </Dialog>
  )
}

function carryOut(chat: Chat, act: Act, target: Target, seconds: number): Promise<unknown> {
  if (act === 'kick') return kickUser(chat, target)
  const restriction = { ...target, ...(seconds > 0 && { seconds }) }
  return act === 'ban' ? banUser(chat, restriction) : muteUser(chat, restriction)
}
