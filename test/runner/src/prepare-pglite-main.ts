import { prepareEmptyPglite } from '@rabble/database/testing'

// A separate process, since PGlite would block the runner for seconds.
await prepareEmptyPglite(process.argv[2] ?? '.')
