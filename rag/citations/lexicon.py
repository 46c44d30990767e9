"""The words that checking a claim turns on: what reverses a sentence, what is counted in what, what means the same.

Plain lists, to be read and extended. English words are given as they are written and compared by stem.
"""

from __future__ import annotations

from functools import lru_cache

from rag.text.stems import english_stem

ENGLISH_STOPS = frozenset(
    "a about above after again against all also am an and any are as at be because been before being below between "
    "both but by can could did do does doing down during each either etc few for from further had has have having he "
    "her here hers herself him himself his how however i if in into is it its itself just may me might more "
    "most much "
    "must my myself no nor not of off on once one only or other our ours ourselves out over own per s same shall she "
    "should so some such t than that the their theirs them themselves then there these they this those though thus "
    "through to too under until up upon us very was we were what when where whether which while who whom whose why "
    "will with within without would yet you your yours yourself according therefore moreover furthermore "
    "additionally "
    "meanwhile indeed despite although since among along around across toward towards another many several various "
    "every back page passage document text source article says states notes".split()
)
CHINESE_STOPS = frozenset("的了是在有和与及或也都就而着被把对于从到为以其之这那哪此个们吗呢吧啊么则又并所将由")

NEGATORS = frozenset(
    "not never no none neither nor without nobody nothing nowhere hardly barely scarcely rarely seldom lack".split()
)
NEGATIVE_VERBS = frozenset(map(english_stem, "fail refuse decline cease unable stop deny lack avoid forbid".split()))
NEGATIVE_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "mis")
AFTER_NOT_MEANT = frozenset("only just merely simply doubt matter least".split())

CHINESE_NEGATORS = (
    "不再 不曾 不能 不会 不是 没有 未能 未曾 未有 无法 并不 并未 并非 并没 从不 从未 从来没 从来不 绝不 绝非 "
    "尚未 还未 毫不 毫无 决不 "
    "拒绝 否认 禁止 缺乏 停止 不 没 未 无 非 勿 莫"
).split()
CHINESE_NOT_NEGATORS = (
    "不仅 不但 不只 不光 不过 不同 不断 不久 不少 不管 不论 不如 不得不 不锈 不丹 不列颠 不时 不乏 不妨 "
    "不禁 不由 差不多 "
    "无论 无数 无疑 无非 无线 无锡 无人机 未来 未必 非常 非洲 除非 非凡 是非 没落 没收 莫斯科 莫扎特 莫大 莫名 "
    "是不是 能不能"
).split()

SYNONYMS = """
begin start commence initiate launch|big large huge great vast enormous major considerable substantial significant
|small little tiny minor|show demonstrate reveal indicate illustrate display exhibit|use utilize employ apply utilise
|make create produce build construct|buy purchase acquire|help assist aid|get obtain receive gain acquire|need require
|say state mention claim report note declare remark announce|think believe consider regard deem|important significant
key crucial vital essential critical|quick fast rapid swift|end finish conclude complete terminate|choose select pick
|change alter modify|keep retain maintain preserve|give provide offer supply grant|live reside dwell|find discover
locate detect identify|many numerous several various multiple|people individual person human|child kid|car vehicle
automobile|house home residence|job work occupation task|whole entire complete total|nearly almost approximately
roughly about around|often frequently commonly|usually typically generally normally|also additionally|main primary
principal chief|famous renowned well-known celebrated noted prominent|hard difficult tough|easy simple
|happen occur|try attempt|ask request|explain describe|allow permit enable let|stop halt cease|grow expand
|join merge combine unite|split divide separate|lead head direct guide|rule govern reign|win triumph
|defeat beat|kill slay murder|die perish|fight battle combat|war conflict|city town|nation country state
|company firm business corporation|film movie|picture image|area region zone district territory|part portion section
segment|method way approach technique|result outcome consequence|cause reason|effect impact influence|problem issue
|answer reply respond response|goal aim objective target purpose|idea concept notion|look appear seem|contain include
comprise consist|form shape|kind type sort|rich wealthy|old ancient|new novel recent modern|different distinct
|same identical|especially particularly|because since|however but nevertheless|student pupil|teacher instructor
|doctor physician|money fund|price cost|pay compensate|sell vend|send transmit|speed velocity pace|strong powerful
|beautiful pretty|design devise develop|name call term|establish found set|move shift relocate|return come
|enough sufficient|total sum|replace substitute|protect defend|destroy ruin demolish|lower reduce decrease diminish
|raise increase boost|author writer|book volume|play perform|piece item|quarter fourth|usual common ordinary
|former previous prior earlier|later subsequently afterwards|currently presently now|permit authorize|publish release
issue|suggest propose recommend|oversee supervise|reach attain achieve accomplish|remain stay|serve act
|compete contend
|attack assault|injure wound hurt|origin source beginning|border boundary|near close adjacent|locate situate position
"""

ANTONYMS = """
more less|more fewer|most least|most fewest|high low|higher lower|highest lowest|increase decrease|rise fall
|increase decline|rise decline|grow shrink|before after|above below|first last|win lose|begin end|north south
|east west
|northern southern|eastern western|northeast southwest|northwest southeast|northeast northwest|southeast southwest
|north east|north west|south east|south west|northern eastern|northern western|southern eastern|southern western
|large small|old young|old new|early late|earlier later|earliest latest|best worst|better worse|maximum minimum
|allow forbid|allow prohibit|permit prohibit|accept reject|true false|always never|majority minority|inside outside
|buy sell|import export|male female|man woman|men women|boy girl|father mother|son daughter|brother sister
|husband wife
|king queen|left right|open close|same different|include exclude|support oppose|success failure|succeed fail|gain loss
|gain lose|positive negative|public private|internal external|upper lower|up down|long short|longer shorter
|longest shortest|strong weak|stronger weaker|fast slow|faster slower|hot cold|heavy light|wet dry|hard soft|rich poor
|major minor|ally enemy|arrive depart|enter leave|victory defeat|expand contract|create destroy|appear disappear
|appoint dismiss|safe dangerous|legal illegal|possible impossible|likely unlikely|easy difficult|all none|with without
|wide narrow|deep shallow|thick thin|full empty|near far|day night|summer winter|spring autumn|morning evening
|oldest youngest|largest smallest|biggest smallest|older younger|larger smaller|bigger smaller|exceed below|over under
|predecessor successor|ancestor descendant|employer employee|teacher student|permanent temporary|ancient modern
|domestic foreign|urban rural|rural urban|vertical horizontal|winner loser|offense defense|offensive defensive
|guilty innocent|encourage discourage|praise criticize|agree disagree|approve disapprove|add remove|push pull
|improve worsen|strengthen weaken|accelerate slow|single multiple|visible invisible|known unknown|half double
|input output|simple complex|simple complicated|best worst|better worse|right wrong|correct incorrect|correct wrong
|allow prevent|enable disable|enable prevent|forward backward|encoder decoder|encode decode|local global|static dynamic
|cheap expensive|discrete continuous|client server|encrypt decrypt|ascending descending|supervised unsupervised
|upstream downstream|sender receiver|synchronous asynchronous|required optional|mandatory optional|first last
|formal informal|regular irregular|active inactive|direct indirect|complete incomplete|equal unequal|stable unstable
|earn lose|hire fire|hire dismiss|injure kill|wound kill|approve reject|cause prevent|ahead behind|add delete
|arrest release|attack defend|invest divest|attach detach|lock unlock|promote demote|borrow lend|teach learn
|liberal conservative|democrat republican|catholic protestant|black white|red blue|asset liability|supply demand
"""

RIVALS = """
hourly/daily/weekly/fortnightly/monthly/quarterly/annual annually yearly
second/minute/hour/day/week/month/year/decade/century
all every each/some/many/most/few/half/none no
always/sometimes/rarely seldom/never
many/few|everyone everybody/someone somebody/nobody
must/may might could can|will/may might could|twice/once/thrice
"""
"""Sets of which only one holds: classes parted by a slash, words of a class by a space."""

IRREGULAR = """
won win|began begin|begun begin|made make|went go|gone go|came come|took take|taken take|gave give|given give|got get
|saw see|seen see|knew know|known know|thought think|found find|told tell|became become|left leave|felt feel|kept keep
|held hold|brought bring|bought buy|built build|wrote write|written write|led lead|ran run|met meet|paid pay|sent send
|said say|spent spend|stood stand|lost lose|fell fall|fallen fall|fought fight|taught teach|caught catch|chose choose
|chosen choose|drew draw|drawn draw|drove drive|driven drive|grew grow|grown grow|rose rise|risen rise|spoke speak
|spoken speak|sold sell|sang sing|sung sing|shown show|broke break|broken break|ate eat|flew fly|forgot forget
|forbade forbid|hid hide|hidden hide|laid lay|lay lie|meant mean|read read|rode ride|sought seek|shot shoot
|slept sleep
|stole steal|stolen steal|struck strike|swam swim|threw throw|thrown throw|understood understand|wore wear|worn wear
|children child|men man|women woman|people person|feet foot|teeth tooth|lives life|wives wife|was be|were be|is be
|are be|been be|has have|had have|did do|does do|done do|better good|best good|dealt deal|dug dig|bound bind
|beaten beat
"""

CHINESE_SYNONYMS = """
但是 然而 但 可是 不过|因为 由于|使用 采用 运用 利用|许多 很多 众多 大量 不少|重要 关键 主要|开始 起初 着手
|非常 十分 极其 极为 相当
|获得 取得 得到 赢得|表示 声称 指出 认为 称|建立 成立 创立 创建 设立|位于 坐落于 地处|包括 包含 涵盖
|大约 约 约为 左右 大概
|成为 变成 当上|提供 给予 供给|发现 找到|帮助 协助|目前 现在 如今 当前|以及 和 与 及 并且 还有
|因此 所以 因而 于是|击败 战胜 打败|通过 经由 借助
|制造 生产 制作|显示 表明 表现|增加 增长 提高 上升|减少 降低 下降|能够 可以 能|需要 必须|最终 最后
|常常 经常 往往|同时 与此同时
|之后 以后 随后|之前 以前|出现 产生|拥有 具有 有|进行 开展|导致 造成 引起|购买 买|居住 生活|去世 逝世 死亡
|一个 一种 一名 一位|例如 比如
|全部 所有|巨大 庞大|著名 知名|影响 作用|方法 方式 办法|人们 人|城市 都市|国家 国|战争 战役|学习 学|将 把|为 是
|如果 假如 若
"""

CHINESE_ANTONYMS = """
增加 减少|上升 下降|提高 降低|增长 减少|增长 下降|最高 最低|最大 最小|最多 最少|最早 最晚|更多 更少|大于 小于
|高于 低于|多于 少于|超过 低于
|超过 不足|超过 不到|不少于 不多于
|之前 之后|以前 以后|以上 以下|支持 反对|允许 禁止|同意 拒绝|接受 拒绝|胜利 失败|获胜 失利|成功 失败
|击败 输给|战胜 败给|东部 西部
|南部 北部|东 西|南 北|北方 南方|左 右|前 后|内 外|上 下|男 女|父亲 母亲|儿子 女儿|国王 女王|进口 出口|买 卖
|开始 结束|第一 最后|长 短
|大 小|高 低|多 少|早 晚|新 旧|快 慢|强 弱|胜 负|公开 秘密|公共 私人|国内 国外|内部 外部|积极 消极|正 负
|优点 缺点|优势 劣势|扩大 缩小|加快 减慢
|加强 削弱|首次 末次|多数 少数|主场 客场|进攻 防守|包括 排除|相同 不同|容易 困难|可能 不可能|合法 非法|夏季 冬季
|春季 秋季|私立 公立|正确 错误|主要 次要|简单 复杂|最优 最差|优先 最后|输入 输出|同步 异步|静态 动态|加密 解密
|编码 解码|递增 递减|升序 降序|正数 负数|奇数 偶数|正确 不正确|国产 进口|先 后|男性 女性|老 少|上面 下面|前面 后面
|早期 晚期|古代 现代|城市 农村|有利 不利|更高 更低|更大 更小|更好 更差|最好 最差|最快 最慢|最长 最短|最新 最旧
|导致 防止|导致 避免|受伤 死亡|增加 移除|添加 移除|添加 删除|聘请 解雇|聘用 解雇|提前 推迟|提前 延迟|上涨 下跌|盈利 亏损
|批准 驳回|通过 否决|任命 罢免|延长 缩短|激活 禁用|启用 禁用|出生 去世|入侵 撤离|借入 借出|加入 退出
|至少 至多|大部分 小部分|上午 下午|白天 夜晚|年长 年轻
"""

CHINESE_RIVALS = """
所有 全部 一切 每个 任何/部分 一些 某些 有的/大多数 大部分/少数 少部分
每天 每日/每周/每月/每年 每一年|总是 始终/有时/从不
至少/至多 最多|必须 必需/可以 可能|许多 很多 大量 众多/极少 很少 少量
"""

CHINESE_COMMON = frozenset(
    "一般 通常 常常 经常 往往 总是 一直 始终 仍然 依然 已经 曾经 正在 即将 将要 立即 立刻 马上 迅速 快速 逐渐 "
    "逐步 慢慢 突然 忽然 "
    "特别 尤其 非常 十分 极其 相当 比较 较为 更加 更为 最为 几乎 大约 大概 左右 大致 基本 完全 全部 所有 全体 "
    "部分 一些 若干 某些 "
    "许多 很多 大量 众多 不少 多数 少数 各种 各类 多种 不同 相同 类似 相似 同样 其他 其它 另外 此外 别的 而且 "
    "并且 以及 但是 然而 "
    "不过 可是 因此 所以 因而 于是 因为 由于 如果 假如 虽然 尽管 即使 无论 不管 为了 关于 对于 根据 按照 依据 "
    "通过 经过 经由 借助 "
    "随着 之后 以后 随后 之前 以前 目前 现在 如今 当前 当时 那时 后来 最终 最后 最初 起初 开始 着手 结束 完成 "
    "进行 开展 展开 实施 "
    "执行 实行 采取 采用 使用 运用 利用 应用 获得 取得 得到 拥有 具有 包括 包含 涵盖 属于 成为 变成 作为 形成 "
    "产生 出现 发生 导致 "
    "造成 引起 引发 带来 促进 推动 提高 提升 增加 增长 减少 降低 下降 上升 扩大 缩小 改变 改善 改进 变化 发展 "
    "演进 建立 创建 成立 "
    "创立 设立 建造 修建 制造 生产 制作 创作 提供 给予 供应 支持 帮助 协助 需要 须要 必须 应该 应当 可以 能够 "
    "可能 也许 或许 允许 "
    "要求 希望 认为 觉得 表示 指出 声称 宣布 说明 解释 描述 表明 显示 证明 发现 找到 寻找 选择 决定 确定 认识 "
    "了解 知道 理解 学习 "
    "研究 调查 分析 讨论 参加 参与 加入 离开 返回 前往 到达 抵达 来到 居住 生活 工作 去世 逝世 死亡 出生 诞生 "
    "位于 坐落 处于 存在 "
    "重要 关键 主要 首要 重大 巨大 庞大 较大 很大 强大 著名 知名 有名 杰出 优秀 良好 糟糕 简单 容易 困难 复杂 "
    "明显 显著 显然 真正 "
    "实际 事实 情况 状况 条件 问题 方法 方式 办法 途径 原因 结果 后果 影响 作用 效果 目的 目标 意义 价值 能力 "
    "力量 过程 时期 时代 "
    "阶段 时候 地方 地区 区域 人们 大家 人类 人员 民众 公众 例如 比如 譬如 包含 称为 叫做 称作 视为 看作 当作 "
    "用于 来自 源于 起源 "
    "即是 就是 还是 乃是 便是 并非 共同 一起 一同 分别 各自 互相 "
    "相互 直接 间接 有关 相关 涉及 针对 面对 其中 内部 外部 整个 整体".split()
)  # fmt: skip
"""Words that no name is mistaken for: where one replaces another, only the wording may have changed."""

UNITS = {
    "km": "kilometre kilometer kilometres kilometers km 公里 千米", "m": "metre meter metres meters m 米",
    "cm": "centimetre centimeter centimetres centimeters cm 厘米",
    "mm": "millimetre millimeter millimetres millimeters mm 毫米",
    "mile": "mile miles mi 英里",
    "foot": "foot feet ft 英尺",
    "inch": "inch inches 英寸",
    "yard": "yard yards yd yds 码",
    "kg": "kilogram kilograms kilogramme kg kgs 公斤 千克",
    "g": "gram grams gramme g 克",
    "mg": "milligram milligrams mg 毫克",
    "tonne": "ton tons tonne tonnes 吨",
    "lb": "lb lbs 磅",
    "pound": "pound pounds £ 英镑",
    "oz": "ounce ounces oz 盎司",
    "litre": "litre liter litres liters l 升", "ml": "ml millilitre milliliter 毫升", "gallon": "gallon gallons 加仑",
    "acre": "acre acres 英亩", "hectare": "hectare hectares ha 公顷",
    "percent": "% percent percentage pct 百分比", "point": "percentage-point percentage-points 个百分点 百分点",
    "permille": "‰", "dollar": "$ dollar dollars usd 美元", "euro": "€ euro euros eur 欧元", "yen": "yen jpy 日元",
    "yuan": "¥ yuan rmb cny 元 人民币",
    "rupee": "₹ rupee rupees inr 卢比",
    "franc": "franc francs 法郎",
    "mark": "marks 马克",
    "cent": "cent cents 美分", "peso": "peso pesos 比索", "ruble": "ruble rubles rouble roubles 卢布",
    "second": "second seconds sec secs 秒", "minute": "minute minutes min mins 分钟", "hour": "hour hours hr hrs 小时",
    "day": "day days 天", "week": "week weeks 周 星期", "month": "month months 个月", "year": "year years 岁",
    "decade": "decade decades", "century": "century centuries 世纪",
    "celsius": "celsius centigrade 摄氏度", "fahrenheit": "fahrenheit 华氏度", "kelvin": "kelvin kelvins 开尔文",
    "degree": "degree degrees ° 度", "hz": "hz hertz 赫兹", "khz": "khz 千赫", "mhz": "mhz 兆赫", "ghz": "ghz",
    "byte": "byte bytes 字节",
    "kb": "kb kilobyte kilobytes",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "bit": "bit bits 比特",
    "watt": "watt watts w 瓦",
    "kw": "kw kilowatt kilowatts 千瓦",
    "mw": "mw megawatt megawatts 兆瓦", "gw": "gw gigawatt gigawatts 吉瓦", "kwh": "kwh", "volt": "volt volts v 伏",
    "mph": "mph",
    "kmh": "kmh kph",
    "knot": "knot knots 节",
    "times": "times 倍", "occasion": "次 回", "household": "household households 户",
    "km2": "平方公里 平方千米",
    "m2": "平方米",
    "mile2": "平方英里",
}  # fmt: skip

MONTHS = {
    name: number
    for number, names in enumerate(
        "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sept "
        "sep|october oct|"
        "november nov|december dec".split("|"),
        1,
    )
    for name in names.split()
}
WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())


def _pairs(table: str) -> list[list[str]]:
    return [group.split() for group in table.replace("\n", " ").split("|")]


@lru_cache(maxsize=1)
def irregular_forms() -> dict[str, str]:
    """Irregular form → base form."""
    return {group[0]: group[1] for group in _pairs(IRREGULAR)}


@lru_cache(maxsize=1)
def synonyms() -> dict[str, str]:
    """Stem, or Chinese word → the one that stands for its group; the first group a word is in counts."""
    table: dict[str, str] = {}
    for group in _pairs(SYNONYMS):
        for word in group:
            table.setdefault(english_stem(word), english_stem(group[0]))
    for group in _pairs(CHINESE_SYNONYMS):
        for word in group:
            table.setdefault(word, group[0])
    return table


@lru_cache(maxsize=1)
def chinese_openings() -> frozenset[str]:
    """The characters that a Chinese word with synonyms begins with."""
    return frozenset(word[0] for word in synonyms() if not word.isascii())


@lru_cache(maxsize=1)
def antonyms() -> dict[str, frozenset[str]]:
    """Stem, or Chinese word → its opposites; English by plain stem, not by the stand-in of a group of synonyms."""
    table: dict[str, set[str]] = {}
    for one, other in [
        *[(english_stem(one), english_stem(other)) for one, other in _pairs(ANTONYMS)],
        *[(one, other) for one, other in _pairs(CHINESE_ANTONYMS)],
    ]:
        table.setdefault(one, set()).add(other)
        table.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in table.items()}


@lru_cache(maxsize=1)
def rivals() -> dict[str, frozenset[str]]:
    """Stem, or Chinese word → those that cannot hold where it does."""
    table: dict[str, set[str]] = {}
    for group in f"{RIVALS}|{CHINESE_RIVALS}".replace("\n", "|").split("|"):
        classes = [[english_stem(word) for word in words.split()] for words in group.split("/")]
        for words in classes:
            for word in words:
                others = {other for rest in classes if rest is not words for other in rest}
                table.setdefault(word, set()).update(others)
    return {word: frozenset(others) for word, others in table.items()}


@lru_cache(maxsize=1)
def units() -> dict[str, str]:
    """A unit as written → its canonical name."""
    return {word: name for name, words in UNITS.items() for word in words.split()}
