import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Icon } from '../ui/icons.tsx'
import { onDemand } from '../ui/on-demand.tsx'
import { type Box, createBox, goToOpen, placesId } from './box.ts'

/** The list, which is loaded when the box is first opened. The input is there at once, so that no letter goes elsewhere. */
const PlaceList = onDemand(() => import('./place-list.tsx').then(({ PlaceList }) => PlaceList))

/** The box for going anywhere, while it is open: to a conversation, a room, a person, or what was said. */
export function GoTo(): JSX.Element | null {
  return goToOpen.value ? <GoToDialog /> : null
}

function GoToDialog(): JSX.Element {
  const made = useRef<Box>(null)
  made.current ??= createBox()
  const box = made.current
  const close = () => {
    goToOpen.value = false
  }
  const active = box.active.value
  return (
    <Dialog title={t.goTo.title} class="go-to" onClose={close}>
      <form
        class="filter"
        autocomplete="off"
        onSubmit={(event) => {
          event.preventDefault()
          box.enter()
        }}
      >
        <Icon name="search" size={18} />
        <label class="unseen" for="go-to">
          {t.goTo.what}
        </label>
        <input
          id="go-to"
          type="text"
          role="combobox"
          aria-expanded={active !== undefined}
          aria-controls={placesId}
          aria-autocomplete="list"
          aria-activedescendant={active}
          value={box.text.value}
          spellcheck={false}
          autocapitalize="none"
          enterkeyhint="go"
          placeholder={t.goTo.what}
          onInput={({ currentTarget }) => {
            box.due.value = false
            box.text.value = currentTarget.value
          }}
          onKeyDown={(event) => {
            if (!event.isComposing) box.press(event)
          }}
        />
      </form>
      <PlaceList box={box} onClose={close} />
    </Dialog>
  )
}
