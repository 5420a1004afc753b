export { type Reply, type Script, script } from '../script.ts'
