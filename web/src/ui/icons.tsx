import type { JSX } from 'preact'

const paths = {
  send: 'M4 12l16-8-5 16-3.5-6.5z M11.5 13.5L20 4',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z M15.5 15.5L20 20',
  people:
    'M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6 M16 5.5a3 3 0 0 1 0 6 M17.5 14.5c2.3.5 3.7 2.4 4 5.5',
  menu: 'M4 7h16 M4 12h16 M4 17h16',
  close: 'M6 6l12 12 M18 6L6 18',
  plus: 'M12 5v14 M5 12h14',
  edit: 'M4 20l1-4L16 5l3 3L8 19z M14 7l3 3',
  trash: 'M5 7h14 M10 7V5h4v2 M7 7l1 13h8l1-13 M10.5 11v5.5 M13.5 11v5.5',
  reply: 'M9 6L4 11l5 5 M4 11h9c4 0 6.5 2.5 7 7',
  smile: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z M9 10v.2 M15 10v.2 M8.5 14c1.8 2.4 5.2 2.4 7 0',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z M12 8v4.5l3 2',
  alert: 'M12 4L3 19.5h18z M12 10v4.5 M12 16.8v.2',
  down: 'M12 5v14 M6 13l6 6 6-6',
  leave: 'M10 5H5v14h5 M10 12h10 M16 8l4 4-4 4',
  hash: 'M9.5 4L7.5 20 M16.5 4l-2 16 M4.5 9h16 M3.5 15h16',
  route: 'M4 8h13 M13 4l4 4-4 4 M20 16H7 M11 12l-4 4 4 4',
  pulse: 'M3 12h4l3-7 4 14 3-7h4',
  info: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z M12 11v5 M12 8v.2',
  lock: 'M6 11h12v9H6z M8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  up: 'M12 19V5 M6 11l6-6 6 6',
  bell: 'M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15z M10 20.5h4',
  muted: 'M8 6.5A6 6 0 0 1 18 11v4 M6 10v6.5L4.5 18H16 M10 20.5h4 M4 4l16 16',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1 M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1',
  invite: 'M10 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z M3.5 20c.5-4 3-6 6.5-6s6 2 6.5 6 M18.5 8v6 M15.5 11h6',
  keyboard: 'M3 6.5h18v11H3z M7 10h.01 M10.3 10h.01 M13.7 10h.01 M17 10h.01 M8 14h8',
  flag: 'M6 20V4.5 M6 5c4-2 7 2 12 0v8.5c-5 2-8-2-12 0',
  shield: 'M12 3.5l7 2.5v5c0 4.5-3 7.8-7 9.5-4-1.7-7-5-7-9.5V6z',
  eye: 'M2.5 12c5-8 14-8 19 0-5 8-14 8-19 0z M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  save: 'M12 4v11 M7 10.5l5 5 5-5 M4.5 19.5h15',
  list: 'M9 7h11 M9 12h11 M9 17h11 M4.5 7h.01 M4.5 12h.01 M4.5 17h.01',
} as const

export type IconName = keyof typeof paths

/** Icons that point along the lines of the text, and are mirrored where it runs from right to left. */
const directed: ReadonlySet<IconName> = new Set(['send', 'reply', 'leave', 'list'])

/** Icon in the colour of the surrounding text. Without a label it is decoration of the text beside it. */
export function Icon({
  name,
  label,
  size = 20,
}: {
  name: IconName
  label?: string
  size?: number
}): JSX.Element {
  const drawing = <path d={paths[name]} />
  const shared = {
    class: directed.has(name) ? 'icon directed' : 'icon',
    width: size,
    height: size,
    viewBox: '0 0 24 24',
  }
  if (label === undefined) {
    return (
      <svg {...shared} aria-hidden="true">
        {drawing}
      </svg>
    )
  }
  return (
    <svg {...shared} role="img" aria-label={label}>
      {drawing}
    </svg>
  )
}
