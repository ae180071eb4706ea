/** PostgreSQL's defaults, in place of the harness's settings for tests. */
export const postgresDefaults = {
  shared_buffers: '128MB',
  wal_level: 'replica',
  max_wal_senders: '10',
  max_wal_size: '1GB',
  min_wal_size: '80MB',
  jit: 'on',
}
