/** Copies a text. Resolves with whether it could. `near` is an element of the page, such as the button that was pressed. */
export async function copyText(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelected(text, near)
  }
}

/** Copies without the clipboard's interface, which a page without TLS doesn't have: only what is selected can be copied. */
function copySelected(text: string, near: HTMLElement): boolean {
  const before = document.activeElement
  const box = document.createElement('textarea')
  box.className = 'unseen'
  box.value = text
  // Beside the element: the rest of the page is out of reach while a dialog is open.
  near.after(box)
  box.select()
  const done = document.execCommand('copy')
  box.remove()
  if (before instanceof HTMLElement) before.focus()
  return done
}
