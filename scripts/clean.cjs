// Removes the build output of the package it runs in, so that nothing stale is published.
require('node:fs').rmSync('dist', { recursive: true, force: true }) // oxlint-disable-line tautline/no-sync-calls -- a build script with nothing else to do
