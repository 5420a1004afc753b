/** Reads untyped input field by field and refuses what is missing, wrong or unknown, in one clear line. */

export class BadInput extends Error {
  override readonly name = 'BadInput'
}

export class Input {
  readonly #what: string
  readonly #fields: ReadonlyMap<string, unknown>
  readonly #asked = new Set<string>()

  private constructor(what: string, fields: ReadonlyMap<string, unknown>) {
    this.#what = what
    this.#fields = fields
  }

  /** `what` opens each message: "a fault: …". Fields that are undefined count as absent. */
  static from(value: unknown, what: string): Input {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new BadInput(`${what}: must be a JSON object`)
    }
    return new Input(what, new Map(Object.entries(value).filter(([, field]) => field !== undefined)))
  }

  /** From a query: digits count as numbers, `true` and `false` as flags. */
  static fromQuery(query: URLSearchParams, what: string): Input {
    return new Input(what, new Map([...query].map(([name, text]) => [name, parsed(text)])))
  }

  is(name: string, value: unknown): boolean {
    return this.#get(name) === value
  }

  text(name: string): string {
    return this.textIfAny(name) ?? this.#refuse(name, 'is missing')
  }

  textIfAny(name: string): string | undefined {
    const value = this.#get(name)
    if (value === undefined || typeof value === 'string') return value
    return this.#refuse(name, 'must be text')
  }

  integer(name: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
    return this.integerIfAny(name, min, max) ?? this.#refuse(name, 'is missing')
  }

  integerIfAny(name: string, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.#get(name)
    if (value === undefined) return undefined
    const isRight = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
    if (isRight) return value
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
    return this.#refuse(name, `must be a whole number ${range}`)
  }

  choice<const Value extends string>(name: string, values: readonly Value[]): Value {
    return this.choiceIfAny(name, values) ?? this.#refuse(name, `is missing; one of: ${values.join(', ')}`)
  }

  choiceIfAny<const Value extends string>(name: string, values: readonly Value[]): Value | undefined {
    const value = this.#get(name)
    if (value === undefined) return undefined
    return values.find(each => each === value) ?? this.#refuse(name, `must be one of: ${values.join(', ')}`)
  }

  flagIfAny(name: string): boolean | undefined {
    const value = this.#get(name)
    if (value === undefined || typeof value === 'boolean') return value
    return this.#refuse(name, 'must be true or false')
  }

  choicesIfAny<const Value extends string>(name: string, values: readonly Value[]): Value[] | undefined {
    const chosen = this.textsIfAny(name)?.map(text => values.find(each => each === text))
    if (chosen?.includes(undefined)) return this.#refuse(name, `may hold only: ${values.join(', ')}`)
    return chosen as Value[] | undefined
  }

  textsIfAny(name: string): string[] | undefined {
    const value = this.#get(name)
    const isRight = Array.isArray(value) && value.every(each => typeof each === 'string')
    if (value === undefined || isRight) return value as string[] | undefined
    return this.#refuse(name, 'must be a list of texts')
  }

  /** A field that is an object, to be read and ended by itself. */
  inputIfAny(name: string): Input | undefined {
    const value = this.#get(name)
    return value === undefined ? undefined : Input.from(value, `${this.#what}, '${name}'`)
  }

  /** A list of objects, each to be read and ended by itself; none for an absent field. */
  inputs(name: string): Input[] {
    const value = this.#get(name) ?? []
    if (!Array.isArray(value)) return this.#refuse(name, 'must be a list')
    return value.map(each => Input.from(each, `${this.#what}, '${name}'`))
  }

  /** The fields that are there. */
  names(): string[] {
    return [...this.#fields.keys()]
  }

  /** To be called last: a field nobody asked for is a mistake. */
  end(): void {
    const unknown = [...this.#fields.keys()].find(name => !this.#asked.has(name))
    if (unknown === undefined) return
    const known = this.#asked.size === 0 ? 'it takes none' : `known are: ${[...this.#asked].join(', ')}`
    this.#refuse(unknown, `is not known here; ${known}`)
  }

  #get(name: string): unknown {
    this.#asked.add(name)
    return this.#fields.get(name)
  }

  #refuse(name: string, why: string): never {
    throw new BadInput(`${this.#what}: '${name}' ${why}`)
  }
}

function parsed(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text
}
