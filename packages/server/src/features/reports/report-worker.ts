import { computeReport } from './compute-report.ts'

/** Runs in a thread that has nothing else to do. */
// oxlint-disable-next-line import/no-default-export -- piscina calls the default export
export default computeReport
