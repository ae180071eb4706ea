import { register } from 'node:module'

// Loaded by Node before a service: see bugs.ts.
register('./bug-hooks.js', import.meta.url, { data: JSON.parse(process.env.CHAOS_BUG ?? '') })
