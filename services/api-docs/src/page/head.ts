import { type Html, html } from './html.ts'

/** Returns the head of a page, with its doctype. `root`: the path to the folder of the chat page, relative to the page's address. */
export function headOf({ title, root, style }: { title: string; root: string; style: string }): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rabble: ${title}</title>
<link rel="icon" href="${root}favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${style}">
</head>
<body>
<header>
<h1>Rabble: ${title}</h1>`
}
