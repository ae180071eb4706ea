/** An emoji that the page offers. */
export interface Emoji {
  /** The emoji as Unicode recommends it for interchange. */
  sign: string
  name: string
  /** Further words that find it. */
  words: string
}

/** One emoji a line: the sign, its name and, after a comma, further words that find it. */
const table = `
👍 thumbs up, like yes ok agree plus
👎 thumbs down, dislike no disagree minus
❤️ red heart, love
😂 tears of joy, laugh lol haha
🎉 party popper, tada celebrate hooray congratulations
🙏 folded hands, thanks please pray
👀 eyes, look see watching
✅ check mark, done yes ok
🔥 fire, hot lit great
🚀 rocket, ship launch deploy
😀 grinning face, smile happy
😃 grinning face with big eyes, smile happy
😄 grinning face with smiling eyes, smile happy
😁 beaming face, smile grin
😆 squinting face, laugh haha
😅 grinning face with sweat, relief phew
🤣 rolling on the floor laughing, rofl lol haha
🙂 slightly smiling face, smile
🙃 upside-down face, irony
😉 winking face, wink
😊 smiling face with smiling eyes, blush
😇 smiling face with halo, angel innocent
🥰 smiling face with hearts, love
😍 heart eyes, love
🤩 star-struck, wow
😘 blowing a kiss, love
😋 savoring food, yum tasty
😛 face with tongue, playful
😜 winking face with tongue, joke
🤪 zany face, crazy
🤗 hugging face, hug
🤭 hand over mouth, oops giggle
🤫 shushing face, quiet secret
🤔 thinking face, hmm
🤨 raised eyebrow, skeptical
😐 neutral face, meh
😑 expressionless face, meh
😶 face without mouth, silent
😏 smirking face, smirk
😒 unamused face, meh
🙄 rolling eyes, eyeroll
😬 grimacing face, awkward
😌 relieved face, calm
😔 pensive face, sad
😴 sleeping face, tired zzz
🤒 face with thermometer, sick ill
🤕 face with bandage, hurt
🤢 nauseated face, sick
🥵 hot face, heat
🥶 cold face, freezing
🥳 partying face, birthday celebrate
😎 face with sunglasses, cool
🤓 nerd face, geek
🧐 face with monocle, inspect
😕 confused face, puzzled
🙁 slightly frowning face, sad
😮 open mouth, wow surprised
😲 astonished face, wow
😳 flushed face, embarrassed
🥺 pleading face, please puppy
😢 crying face, sad tear
😭 loudly crying face, sad sob
😱 screaming in fear, shocked
😤 steam from nose, triumph
😡 enraged face, angry mad
🤬 swearing face, angry
🤯 exploding head, mind blown
💀 skull, dead
🤖 robot face, bot
👻 ghost, halloween
💩 pile of poo, poop
🙈 see-no-evil monkey, oops
👋 waving hand, hello hi bye
✋ raised hand, stop high five
👌 OK hand, perfect
✌️ victory hand, peace
🤞 crossed fingers, luck hope
🤘 sign of the horns, rock
👈 pointing left, back
👉 pointing right, this
👆 pointing up, above this
👇 pointing down, below this
✊ raised fist, power
👊 oncoming fist, bump
👏 clapping hands, bravo applause
🙌 raising hands, hooray praise
🤝 handshake, deal agree
💪 flexed biceps, strong
🫡 saluting face, yes sir
🤷 person shrugging, shrug dunno
🤦 person facepalming, facepalm
🙋 person raising hand, me question
💔 broken heart, sad
🧡 orange heart, love
💛 yellow heart, love
💚 green heart, love
💙 blue heart, love
💜 purple heart, love
🖤 black heart, love
💯 hundred points, perfect score
💥 collision, boom
✨ sparkles, new shiny magic
⭐ star, favorite
🌟 glowing star, shine
⚡ high voltage, fast lightning
💡 light bulb, idea
💬 speech balloon, comment
💭 thought balloon, think
❌ cross mark, no wrong
❓ question mark, what
❗ exclamation mark, important
⚠️ warning, caution
⛔ no entry, stop blocked
🚫 prohibited, forbidden
🔒 locked, private secure
🔑 key, password access
🔧 wrench, fix tool
🔨 hammer, build tool
🐛 bug, error defect
🧪 test tube, experiment
📌 pushpin, pin
📎 paperclip, attachment
📝 memo, note write
📅 calendar, date schedule
📈 chart increasing, growth
📉 chart decreasing, loss
📦 package, release box
💻 laptop, computer work
📱 mobile phone, call
⏰ alarm clock, time
⏳ hourglass, wait
🏁 chequered flag, finish
🏆 trophy, win
🥇 first place medal, gold win
🎁 wrapped gift, present
🎂 birthday cake, celebrate
🍾 bottle with popping cork, celebrate
🍻 clinking beer mugs, cheers
☕ hot beverage, coffee tea
🍕 pizza, food lunch
🍿 popcorn, movie watching
🌍 globe, world earth
☀️ sun, weather sunny
🌧️ cloud with rain, weather
🌈 rainbow, pride
🐱 cat face, pet
🐶 dog face, pet
🦄 unicorn, magic
🎵 musical note, music song
🎯 bullseye, target goal
👑 crown, king queen
`

export const emoji: readonly Emoji[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [, sign = '', name = '', words = ''] = /^(\S+) ([^,]+), (.*)$/.exec(line) ?? []
    return { sign, name, words }
  })

/**
 * Returns the emoji for which each of these letters' words begins a word, at most `most`: those whose names begin like that first.
 * Without letters it returns all.
 */
export function findEmoji(letters: string, most = emoji.length): Emoji[] {
  const wanted = letters
    .toLowerCase()
    .split(/[\s_-]+/)
    .filter((word) => word !== '')
  const begins = (text: string, word: string) =>
    text
      .toLowerCase()
      .split(/[\s-]+/)
      .some((part) => part.startsWith(word))
  const found = emoji.filter(({ name, words }) => wanted.every((word) => begins(`${name} ${words}`, word)))
  const isNamed = ({ name }: Emoji) => name.toLowerCase().startsWith(wanted[0] ?? '')
  return [...found.filter(isNamed), ...found.filter((one) => !isNamed(one))].slice(0, most)
}
