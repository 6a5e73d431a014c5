interface OptionsRow {
  readonly note: string;
  readonly options: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** What the server takes; each row is also shown to one. */
export const taken: readonly OptionsRow[] = [
  { note: 'nothing', options: '', settings: {} },
  { note: 'white space', options: ' \t\n\v\f\r ', settings: {} },
  { note: '-c and a word', options: '-c my.a=1', settings: { 'my.a': '1' } },
  { note: '-c with its word attached', options: '-cmy.a=1', settings: { 'my.a': '1' } },
  { note: 'two dashes', options: '--my.a=1', settings: { 'my.a': '1' } },
  {
    note: 'several',
    options: '-c my.a=1 --my.b=2 -cmy.c=3',
    settings: { 'my.a': '1', 'my.b': '2', 'my.c': '3' },
  },
  {
    note: 'all white space of C between words',
    options: '-c\tmy.a=1\v--my.b=2\f-c\r\nmy.c=3',
    settings: { 'my.a': '1', 'my.b': '2', 'my.c': '3' },
  },
  { note: 'a dash for _', options: '--search-path=x', settings: { search_path: 'x' } },
  { note: 'a dash for _ behind -c', options: '-c work-mem=64kB', settings: { work_mem: '64kB' } },
  { note: 'a dash in a value', options: '--my.a=x-y', settings: { 'my.a': 'x-y' } },
  { note: 'a name in another case', options: '-c Search_Path=Xy', settings: { search_path: 'Xy' } },
  { note: 'an escaped space', options: String.raw`-c my.a=x\ y`, settings: { 'my.a': 'x y' } },
  { note: 'an escaped space in the switch', options: String.raw`-cmy.a=\ `, settings: { 'my.a': ' ' } },
  { note: 'an escaped backslash', options: String.raw`-c my.a=x\\y`, settings: { 'my.a': String.raw`x\y` } },
  {
    note: 'an escaped backslash and a space',
    options: String.raw`-c my.a=x\\ -c my.b=2`,
    settings: { 'my.a': 'x\\', 'my.b': '2' },
  },
  { note: 'escaped letters', options: String.raw`\-\c m\y.a=\1`, settings: { 'my.a': '1' } },
  { note: 'a backslash at the end', options: '-c my.a=x\\', settings: { 'my.a': 'x' } },
  { note: 'an escaped line feed', options: '-c my.a=x\\\ny', settings: { 'my.a': 'x\ny' } },
  {
    note: 'quotes, which mean nothing',
    options: `-c my.a='x' -c my.b="y"`,
    settings: { 'my.a': "'x'", 'my.b': '"y"' },
  },
  { note: 'an empty value', options: '-c my.a=', settings: { 'my.a': '' } },
  { note: 'an equals sign in a value', options: '-c my.a=x=y', settings: { 'my.a': 'x=y' } },
  { note: 'the last of two values', options: '-c my.a=1 --my.a=2', settings: { 'my.a': '2' } },
  {
    note: 'the last of two values, in another case',
    options: '-c my.a=1 --MY.A=2',
    settings: { 'my.a': '2' },
  },
  { note: 'a space that is none of C', options: '-c my.a=x\u00a0y', settings: { 'my.a': 'x\u00a0y' } },
  {
    note: 'characters beyond ASCII',
    options: '-c my.a=żółw\ud83d\ude00',
    settings: { 'my.a': 'żółw\ud83d\ude00' },
  },
  { note: 'a flag in front', options: '-e -c my.a=1', settings: { 'my.a': '1' } },
  { note: 'a flag in the same word', options: '-ec my.a=1', settings: { 'my.a': '1' } },
  { note: 'a flag in the same word, all attached', options: '-ecmy.a=1', settings: { 'my.a': '1' } },
  { note: 'a flag and a dash in the same word', options: '-e-my.a=1', settings: { 'my.a': '1' } },
  { note: 'a flag and a dash, and the next word', options: '-e- my.a=1', settings: { 'my.a': '1' } },
  {
    note: 'an argument that looks like a switch',
    options: '-S 64 -t pl -c my.a=1',
    settings: { 'my.a': '1' },
  },
  { note: 'the end of switches', options: '-c my.a=1 --', settings: { 'my.a': '1' } },
];

/** What the server refuses: read so that it still does. */
export const refused: readonly (OptionsRow & { readonly sqlState: string })[] = [
  { note: 'a word that is no switch', options: '-c my.a=1 x', settings: { 'my.a': '1' }, sqlState: '42601' },
  {
    note: 'a word in front of switches',
    options: 'x -c my.a=1',
    settings: { 'my.a': '1' },
    sqlState: '42601',
  },
  { note: 'a dash alone', options: '- -c my.a=1', settings: { 'my.a': '1' }, sqlState: '42601' },
  { note: 'switches behind their end', options: '-- -e -c my.a=1', settings: {}, sqlState: '42601' },
  { note: 'an unknown flag', options: '-x -c my.a=1', settings: { 'my.a': '1' }, sqlState: '42601' },
  { note: 'an empty word at the end', options: '-c my.a=1 \\', settings: { 'my.a': '1' }, sqlState: '42601' },
  {
    note: 'a switch without its argument',
    options: '-c my.a=1 -c',
    settings: { 'my.a': '1' },
    sqlState: '42601',
  },
  { note: 'a name without a value', options: '-c my.a', settings: {}, sqlState: '42601' },
  { note: 'two dashes without a value', options: '--my.a', settings: {}, sqlState: '42601' },
  {
    note: 'an unknown name',
    options: '-c nobody_knows=1',
    settings: { nobody_knows: '1' },
    sqlState: '42704',
  },
  {
    note: 'a space in front of a name',
    options: String.raw`-c\ search_path=x`,
    settings: { ' search_path': 'x' },
    sqlState: '42704',
  },
  { note: 'no name', options: '-c =x', settings: { '': 'x' }, sqlState: '42704' },
  {
    note: 'two dashes as an argument',
    options: '-c -- --my.a=1',
    settings: { 'my.a': '1' },
    sqlState: '42601',
  },
];

/** Spellings of CockroachDB's option, and what is left of them. */
export const cockroach: readonly { note: string; options: string; rest: string }[] = [
  { note: 'two dashes', options: '--crdb:jwt_auth_enabled=true', rest: '' },
  { note: '-c and a word', options: '-c crdb:jwt_auth_enabled=true', rest: '' },
  { note: '-c with its word attached', options: '-ccrdb:jwt_auth_enabled=true', rest: '' },
  { note: 'dashes for _', options: '--crdb:jwt-auth-enabled=true', rest: '' },
  { note: 'another case', options: '-c CRDB:Jwt_Auth_Enabled=true', rest: '' },
  { note: 'backslashes', options: String.raw`\-\-crdb\:jwt\_auth_enabled\=tr\ue`, rest: '' },
  { note: 'white space around it', options: '  --crdb:jwt_auth_enabled=true\t', rest: '' },
  { note: 'twice', options: '--crdb:jwt_auth_enabled=true -c crdb:jwt_auth_enabled=on', rest: '' },
  {
    note: 'among others',
    options: '-c my.a=1 --crdb:jwt_auth_enabled=true --my.b=2',
    rest: '-c my.a=1 --my.b=2',
  },
  {
    note: 'among others with escapes',
    options: String.raw`-c my.a=x\ \\y -c crdb:jwt_auth_enabled=1`,
    rest: String.raw`-c my.a=x\ \\y`,
  },
  {
    note: 'behind a flag in one word',
    options: '-eccrdb:jwt_auth_enabled=true -c my.a=1',
    rest: '-e -c my.a=1',
  },
  { note: 'behind a flag and a dash', options: '-e- crdb:jwt_auth_enabled=true', rest: '-e' },
  { note: 'in front of the end of switches', options: '--crdb:jwt_auth_enabled=true --', rest: '--' },
  { note: 'in front of an empty word', options: '--crdb:jwt_auth_enabled=true \\', rest: '\\' },
];

/** Letters of a server process that have an argument, which may look like a switch; `-c` has its own rows. */
export const lettersWithArgument = Array.from('BCDNSWdfhkprtv');

export const flags = Array.from('EFOPbeijlnsT');
