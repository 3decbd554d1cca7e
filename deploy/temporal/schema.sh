#!/bin/sh
# Temporal's two databases: made, or brought to what this version of Temporal needs. Twice is once. SQL_PASSWORD is read by the tool.
set -eu
for part in temporal visibility; do
  case $part in temporal) database=temporal ;; *) database=temporal_visibility ;; esac
  tool() { temporal-sql-tool --plugin postgres12 --ep temporal-db -u temporal -p 5432 --db "$database" "$@"; }
  tool create
  tool setup-schema -v 0.0
  tool update-schema -d "/etc/temporal/schema/postgresql/v12/$part/versioned"
done
