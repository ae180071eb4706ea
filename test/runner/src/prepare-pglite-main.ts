import { prepareEmptyPglite } from '@rabble/database/testing'

// A process of its own, since PGlite would hold up the runner for seconds.
await prepareEmptyPglite(process.argv[2] ?? '.')
