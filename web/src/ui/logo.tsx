import type { JSX } from 'preact'

export function Logo({ size = 28 }: { size?: number }): JSX.Element {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M8 8h11a4 4 0 0 1 4 4v3a4 4 0 0 1-4 4h-6l-5 4z" opacity=".55" />
      <path d="M13 13h7a4 4 0 0 1 4 4v8l-4-3h-7a3 3 0 0 1-3-3v-3a3 3 0 0 1 3-3z" />
    </svg>
  )
}
