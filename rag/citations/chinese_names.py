"""Whether a run of Chinese characters looks like a name: written without capitals, names show by their characters."""

from __future__ import annotations

_TRANSCRIBING = frozenset(
    "阿埃艾奥巴班邦鲍贝本比彼宾波伯勃博布查达戴丹道德登迪蒂丁东杜多厄恩尔法凡范菲费芬弗福夫盖冈戈格葛根古瓜圭哈"
    "海汉豪赫亨胡华怀惠霍"
    "基吉加贾杰金卡凯坎康考柯科克肯孔库夸拉莱兰朗劳勒雷黎里利莉丽林琳列刘留隆卢鲁路伦罗洛吕马玛迈麦曼芒毛梅门蒙"
    "孟米密明摩莫默姆木穆"
    "纳娜南内尼涅宁纽努诺欧帕派潘庞佩彭皮平珀普奇齐恰钱乔切钦琼丘热日荣茹儒瑞若萨塞赛桑瑟森莎沙山尚舍申圣施史士"
    "舒斯丝苏索所塔泰坦汤"
    "唐陶特腾提廷图托瓦万旺威韦维魏温文翁沃乌武伍西希锡夏歇谢辛兴雄休修许雪雅亚扬耶叶伊以因英尤于约赞泽扎詹珍朱"
    "兹宗佐翰姬妮娅蕾薇嘉妲璐"
)
_ENDINGS = (
    "队 市 省 县 州 国 区 镇 村 山 河 湖 海 岛 洋 港 湾 桥 江 大学 学院 公司 集团 银行 医院 党 军 会 院 部 局 "
    "社 报 台 寺 教堂 机场 铁路 "
    "公园 体育场 王 帝 族 语 教 派 朝 宫 塔 奖 杯 碗 人 城 堡 法院 议会 委员会 博物馆 图书馆 协会 联盟 帝国 "
    "王国 共和国 大道 街 路 "
    "大厦 中心 语言 系统 计划 条约 法案 战争 运动"
).split()
BODIES = frozenset("党队州省市县")
"""What the name of a body or place ends in, and hardly another word: before it one character makes a name."""

_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛范彭郎鲁韦马苗方俞"
    "任袁柳唐罗薛雷贺倪汤殷"
    "毕郝邬安常乐于时傅皮齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计成戴宋庞熊纪舒屈项祝董梁杜阮蓝闵"
    "席季麻强贾路江童颜郭梅盛林"
    "钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房缪解应宗丁宣邓洪包左石崔吉龚程邢裴陆荣翁荀惠曲封储靳段焦巴牧山谷车"
    "侯宓蓬全班仰秋仲伊宫宁仇栾"
    "甘厉祖武符刘景詹龙叶幸司韶黎薄白蒲卓池乔阴胥能苍双闻莘党翟谭贡劳姬申扶堵冉宰雍桑桂牛寿通边尚农温别庄晏柴瞿"
    "阎充慕连茹习艾容向古易慎戈"
    "廖庾终步耿满弘匡国文寇广东欧沃利蔚越师巩聂晁勾敖融冷辛阚那简饶空曾关游竺权盖益桓公"
)
_PLACES = frozenset(
    "北京 上海 天津 重庆 广州 深圳 香港 澳门 台湾 南京 武汉 西安 成都 杭州 苏州 中国 美国 英国 法国 德国 日本 "
    "韩国 俄国 俄罗斯 印度 巴西 "
    "西班牙 意大利 葡萄牙 荷兰 比利时 瑞士 瑞典 挪威 丹麦 芬兰 波兰 奥地利 匈牙利 希腊 土耳其 埃及 南非 肯尼亚 "
    "加拿大 墨西哥 阿根廷 智利 "
    "澳大利亚 新西兰 伦敦 巴黎 柏林 东京 纽约 华盛顿 洛杉矶 旧金山 芝加哥 波士顿 莫斯科 罗马 华沙 维也纳 亚洲 "
    "欧洲 非洲 美洲 北美 南美 大洋洲 "
    "太平洋 大西洋 印度洋 地中海 基督教 天主教 伊斯兰教 佛教 新教 道教 犹太教".split()
)
_LONGEST = 14


def is_place(run: str) -> bool:
    """Whether `run` is a country, city or faith that everyone knows."""
    return run in _PLACES


def looks_like_name(run: str) -> bool:
    """Whether `run` is likely a person, place, body or work; a guess from its characters, meant for replaced words."""
    run = run.strip("的了在是和与")
    if not 1 < len(run) <= _LONGEST:
        return False
    if "·" in run or run in _PLACES or any(run.startswith(place) for place in _PLACES):
        return True
    if any(run.endswith(ending) and len(run) > len(ending) for ending in _ENDINGS):
        return True
    transcribing = sum(character in _TRANSCRIBING for character in run)
    return (transcribing >= 2 and transcribing / len(run) >= 0.6) or (len(run) <= 3 and run[0] in _SURNAMES)
