/**
 * Preloaded by `startNode`: ends this process when the test process is gone, even if that was killed. It asks
 * for the parent, since listening for `disconnect` would keep a script alive that is done.
 */

const parent = process.ppid

setInterval(() => {
  if (process.ppid !== parent) process.exit(1)
}, 100).unref()
