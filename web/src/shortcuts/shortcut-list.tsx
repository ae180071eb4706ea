import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'
import { characterKeys, isMac, setCharacterKeys } from './keyboard.ts'
import { Keys } from './keys.tsx'
import { type Shortcut, type ShortcutName, shortcuts } from './table.ts'

const all = Object.entries(shortcuts) as [ShortcutName, Shortcut][]
/** Keys of a single character. */
const characters = all.flatMap(([, { keys }]) => keys.filter((key) => [...key].length === 1))

/** All shortcuts by the places where they work, and whether those of a single character do. */
export function ShortcutList(): JSX.Element {
  return (
    <div class="shortcuts">
      {Object.entries(t.shortcuts.sections).map(([where, title]) => (
        <section key={where}>
          <h3>{title}</h3>
          <dl>
            {all
              .filter(([, shortcut]) => shortcut.where === where)
              .map(([name, { keys }]) => (
                <div key={name}>
                  <dt>{t.shortcuts.does[name]}</dt>
                  <dd>
                    {keys.map((each, index) => (
                      <span key={each}>
                        {index > 0 && ` ${t.shortcuts.or} `}
                        <Keys keys={each} mac={isMac} />
                      </span>
                    ))}
                  </dd>
                </div>
              ))}
          </dl>
        </section>
      ))}
      <label class="choice">
        <input
          type="checkbox"
          checked={characterKeys.value}
          onChange={({ currentTarget }) => setCharacterKeys(currentTarget.checked)}
        />
        {t.shortcuts.singleCharacter(characters.join(' '))}
      </label>
    </div>
  )
}
