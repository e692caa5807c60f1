// Sleeps a millisecond again and again on one core, above everything else there, and so sees when the machine itself
// did not run: a virtual machine is taken off the processor at times. Any message is answered with the times it woke
// too late, as [from, to] in milliseconds of the monotonic clock.
const STEP_MS = 1;
/** Timers of Node are up to a step late by themselves. */
const LATE_MS = 2.5;
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

let spans = [];
let lastMs = nowMs();

process.on('message', () => {
  process.send(spans);
  spans = [];
});
process.on('disconnect', () => process.exit());

setInterval(() => {
  const at = nowMs();
  if (at - lastMs > LATE_MS) spans.push([lastMs + STEP_MS, at]);
  lastMs = at;
}, STEP_MS);
