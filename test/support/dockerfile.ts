/** Just enough of a Dockerfile's grammar to ask what it says: stages and their instructions. */

export interface Instruction {
  readonly name: string
  readonly text: string
}

export interface Stage {
  readonly image: string
  readonly as: string | undefined
  readonly instructions: readonly Instruction[]
}

/** Whole lines: comments are gone, continued lines are joined. */
const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .filter(line => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter(line => line.trim() !== '')

export const stagesOf = (text: string): Stage[] => {
  const stages: (Stage & { instructions: Instruction[] })[] = []
  for (const line of linesOf(text)) {
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? []
    const [, image = '', as] = name === 'FROM' ? (/^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest) ?? []) : []
    if (name === 'FROM') stages.push({ image, as, instructions: [] })
    else stages.at(-1)?.instructions.push({ name, text: rest.trim() })
  }
  return stages
}

/** The texts of all instructions of one name. */
export const textsOf = ({ instructions }: Stage, name: string): string[] =>
  instructions.filter(one => one.name === name).map(({ text }) => text)
