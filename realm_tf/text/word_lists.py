"""Word lists that decide whether a sentence's first word is a name."""

# In lower case. They are no part of a name that they stand before at the start
# of a sentence: "After Napoleon", and not alone a name anywhere.
FUNCTION_WORDS = frozenset(
  """
  a an the this that these those such same other another some any no none not
  every each either neither both all half many much more most few fewer
  several various numerous countless enough less least certain others one two
  three four five six seven eight nine ten eleven twelve twenty thirty forty
  fifty hundred hundreds thousand thousands million millions dozens first
  second third fourth fifth sixth seventh eighth ninth tenth last next i me my
  mine myself you your yours yourself he him his himself she her hers herself
  it its itself we us our ours ourselves they them their theirs themselves who
  whom whose which what whatever whoever where when why how someone somebody
  something anyone anybody anything everyone everybody everything nobody
  nothing there here and or but nor yet so for if unless whether while whereas
  although though because since as than until till once lest of in on at by to
  from with without within into onto upon over under above below between among
  amongst amid amidst against across along around about after before behind
  beside besides beyond beneath despite down during except following including
  inside like near off out outside past per plus regarding concerning
  considering given through throughout toward towards up unlike via versus
  notwithstanding alongside aside apart according owing due thanks is are was
  were be been being am has have had having do does did doing done can could
  may might must shall should will would let lets ought cannot
  """.split()
)

# The same of adverbs, and of adjectives and participles that seldom begin a
# name: "Eventually Germany", "Former President Clinton".
OPENING_WORDS = frozenset(
  """
  again also always almost already anyway afterward afterwards altogether
  alternatively additionally accordingly actually apparently approximately
  basically certainly clearly commonly compared consequently conversely
  currently early earlier easily effectively elsewhere equally especially
  essentially even eventually ever evidently exactly finally firstly secondly
  thirdly lastly formerly fortunately unfortunately frequently fully further
  furthermore generally gradually hence henceforth historically however
  ideally immediately indeed initially instead interestingly ironically just
  largely late lately later latter legally likewise literally mainly maybe
  meanwhile merely moreover mostly namely nearly never nevertheless
  nonetheless normally notably now nowadays occasionally often only officially
  originally otherwise particularly partly perhaps possibly presumably
  previously primarily probably quickly quite rarely rather really recently
  regardless relatively reportedly roughly seldom shortly significantly
  similarly simply simultaneously sometimes somewhat soon specifically still
  strictly strongly subsequently successfully suddenly surprisingly
  technically then thereafter thereby therefore thereupon thus today together
  tomorrow tonight too traditionally twice typically ultimately usually very
  virtually well widely yes yesterday additional alternative ancient annual
  average bad better big broad cheap classical complex considerable
  contemporary cultural current different difficult economic ethnic foreign
  former full greater greatest growing heavy higher highest historic
  historical human important individual initial larger largest leading legal
  limited longer lower main major medieval military minor modern multiple
  newer notable older oldest original particular physical poor popular post
  pre pre-war present previous primary prior proper recent regional related
  religious rural scientific separate serious significant similar smaller
  special subsequent successful sufficient total traditional typical unique
  urban usual whole younger based born built called close commissioned
  composed created described designed developed discovered established founded
  found held inspired introduced known led located made named note noted
  published raised said seen set situated spoken supported taken used written
  adding using taking making beginning starting working seeing thinking ah
  alas dear hello hey oh okay please sorry thank cf eg etc fig ie ibid see
  """.split()
)

# At a sentence's start no names alone, but many names begin with them: "New
# York", "House of Lords".
COMMON_WORDS = frozenset(
  """
  able available basic best black blue central clear cold commercial common
  complete dead deep direct east eastern entire equal female final fine formal
  free general global good great green hard high independent indigenous inner
  internal international large left little local long low male married mid
  middle national native natural new non north northern official old open
  ordinary outer own political private pro professional public pure rare red
  right secondary short simple single small social south southern standard
  strong top upper urbanized west western white wide young act action age air
  album animals answer archaeologists architects area areas army article
  artists attempts authorities authors bands birds board bodies body book
  books boys buildings business capital cases cells chapter chief children
  church churches cities citizens city class coach college colonists
  communities companies company conditions construction control countries
  country courts critics culture data date day days death defense demand
  details director doctors economy education efforts election elections
  employees energy engineers episodes estimates events evidence example
  examples experts eyes fact families family fans farmers father figures films
  fire fish food forces forms friends funding game games girls gold
  government governments ground group groups growth heat help historians
  history home homes hours house houses ideas image immigrants immigration
  individuals industry information islands issues iron items job judges kids
  king kings knowledge labor land language languages law laws lawyers leaders
  life light linguists list literature love man material matter meaning media
  members men metal method methods minister ministers money month months
  mother mothers movement music musicians name names nations nature number
  numbers objects officers officials oil opponents organizations page parents
  part parts party passengers peace people period plans plants players police
  policies population power president priests prime prices prince producers
  production products professor programs project property protesters provinces
  question queen reasons records reform relations religion reports research
  researchers residents results rice river rivers roads rock rulers sales
  scholars school schools science scientists sections series services ships
  sides singer society soldiers song songs sources space species spending
  sport sports states statistics steel stone stories students studies study
  subject support supporters survey systems tables taxes teachers teams
  technology temperatures terms territories tests texts theories things
  thought time times tools tourism towns trade traffic trains treatment trees
  troops types units universities use users values version versions victims
  vehicles villages visitors voters votes wall wars war water way weather week
  weeks wine winter spring summer autumn woman women wood word words work
  workers works world writers writing year years add ask bring build call
  choose come consider create find get give go keep know leave look make meet
  move need play put read remember run say show speak start stop take tell
  think try turn turning understand want watch write wow vol vols pp ed eds
  citation notes
  """.split()
)

# Names however they stand, and often a sentence's first word.
SURE_NAMES = frozenset(
  """
  Afghanistan Africa African Africans Albania Algeria America American
  Americans Angola Arab Arabia Arabs Argentina Armenia Armenian Armenians Asia
  Asian Athens Australia Australian Australians Austria Austrian Bangladesh
  Beijing Belarus Belgian Belgium Berlin Bolivia Boston Brazil Brazilian
  Britain British Britons Buddhism Buddhist Buddhists Bulgaria Burma Byzantine
  Cairo California Cambodia Canada Canadian Canadians Catholic Catholics
  Chicago Chile China Chinese Christian Christianity Christians Colombia Congo
  Croatia Cuba Cuban Cyprus Czechoslovakia Danish Denmark Dutch Ecuador Egypt
  Egyptian Egyptians England English Englishmen Estonia Ethiopia Europe
  European Europeans Finland Finnish Florida France French Georgia German
  Germanic Germans Germany Ghana God Greece Greek Greeks Hawaii Hindu Hinduism
  Hindus Hungarian Hungary Iceland India Indian Indians Indonesia Iran Iranian
  Iraq Iraqi Ireland Irish Islam Islamic Israel Israeli Israelis Istanbul
  Italian Italians Italy Jamaica Japan Japanese Jerusalem Jesus Jewish Jews
  Jordan Judaism Kazakhstan Kenya Korea Korean Koreans Kuwait Latin Latvia
  Lebanon Libya Lithuania London Luxembourg Madrid Malaysia Mali Malta Mexican
  Mexicans Mexico Mongol Mongolia Mongols Morocco Moscow Mozambique Muslim
  Muslims Namibia Napoleon Nepal Netherlands Nigeria Norway Norwegian Ottoman
  Ottomans Pakistan Palestine Palestinian Palestinians Panama Paraguay Paris
  Persia Persian Persians Peru Philippines Poland Polish Portugal Portuguese
  Protestant Protestants Prussia Prussian Roman Romania Romanian Romans Rome
  Russia Russian Russians Scandinavia Scotland Scots Scottish Serbia Serbian
  Siberia Sicily Singapore Slovakia Slovenia Somalia Soviet Soviets Spain
  Spaniards Spanish Sudan Sweden Swedes Swedish Swiss Switzerland Sydney Syria
  Syrian Taiwan Tanzania Texas Thailand Tibet Tibetan Tokyo Tunisia Turkey
  Turkish Turks Uganda Ukraine Ukrainian Uruguay Uzbekistan Vatican Venezuela
  Venice Vienna Vietnam Vietnamese Wales Washington Welsh Yemen Yugoslavia
  Zambia Zimbabwe
  """.split()
)

# Nouns that are written with a capital out of respect or in contracts, and name
# nothing when they stand alone after "the", "a", "his".
GENERIC_NOUNS = frozenset(
  """
  company fund service services king queen president emperor empress pope prince
  princess duke governor mayor senator minister chancellor secretary speaker
  chairman director general colonel captain judiciary executive legislature
  government cabinet ministry department office board committee commission
  agency authority corporation society association institute institution
  foundation bank court party act bill treaty agreement convention charter
  constitution war revolution empire kingdom republic state city county district
  province region colony college university school academy museum library
  hospital hall cathedral chapel temple palace castle fort tower bridge station
  airport park garden square street river lake bay gulf island mountain valley
  league cup championship tournament final finals series team club award prize
  album film book novel song project programme program system court council
  member members fellow bishop archbishop cardinal sheriff judge justice knight
  lord lady majesty highness order sergeant admiral house campus union bureau
  """.split()
)

# Abbreviations of things, not of names.
COMMON_ABBREVIATIONS = frozenset(
  """
  TV TVs CD CDs DVD DVDs PC PCs DNA RNA LED LEDs LCD CPU CPUs GPU RAM ROM USB AC
  DC FM AM VHF UHF HD HDTV AIDS HIV IQ PR HR GDP GNP NGO NGOs CEO CEOs CFO MP
  MPs PhD UFO UFOs BP ID IDs PIN UV IR RF AI DJ DJs VIP VIPs LGBT LGBTQ ATM
  ATMs SUV SUVs MBA MD IPO OK TB MRI PCB PCBs ISP ISPs EP LP EPs LPs NPO NPOs
  """.split()
)
