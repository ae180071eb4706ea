import { Window } from 'happy-dom'

// React looks for a page when it is loaded, so tests import this file before React.
const window = new Window({ url: 'http://127.0.0.1/' })
Object.assign(globalThis, { window, document: window.document })
// Node.js 21 and newer have one of their own.
if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator: window.navigator })
