import type { JSX } from 'preact'
import { characterKeys, isMac, setCharacterKeys } from './keyboard.ts'
import { Keys } from './keys.tsx'
import { type Shortcut, sections, shortcuts } from './table.ts'

const all: readonly Shortcut[] = Object.values(shortcuts)
/** Keys of a single character. */
const characters = all.flatMap(({ keys }) => keys.filter((key) => [...key].length === 1))

/** All shortcuts by the places where they work, and whether those of a single character do. */
export function ShortcutList(): JSX.Element {
  return (
    <div class="shortcuts">
      {Object.entries(sections).map(([where, title]) => (
        <section key={where}>
          <h3>{title}</h3>
          <dl>
            {all
              .filter((shortcut) => shortcut.where === where)
              .map(({ keys, does }) => (
                <div key={does}>
                  <dt>{does}</dt>
                  <dd>
                    {keys.map((each, index) => (
                      <span key={each}>
                        {index > 0 && ' or '}
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
        Shortcuts of a single character: {characters.join(' ')}
      </label>
    </div>
  )
}
