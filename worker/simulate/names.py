"""What people are called, and how they write it in an address: given and family names by culture."""

from __future__ import annotations

from typing import NamedTuple


class Name(NamedTuple):
    """A name and its ASCII spelling in lower case."""

    text: str
    ascii: str


class Names(NamedTuple):
    """The given and family names of a culture."""

    given: tuple[Name, ...]
    family: tuple[Name, ...]


def _names(given: str, family: str) -> Names:
    """Read words like `Olivia` and `José=jose`."""
    return Names(tuple(map(_name, given.split())), tuple(map(_name, family.split())))


def _name(word: str) -> Name:
    text, _, spelling = word.partition("=")
    return Name(text, spelling or text.lower())


CULTURES = {
    "english": _names(
        "Olivia Liam Emma Noah Ava Ethan Grace Mason Chloë=chloe Lucas Zoë=zoe Siobhán=siobhan Aaliyah Marcus",
        "Smith Johnson Williams Brown Jones Taylor Davies Evans Walker O'Neill=oneill Nguyễn=nguyen Baker Hughes",
    ),
    "german": _names(
        "Jürgen=juergen Anna Lukas Käthe=kaethe Björn=bjoern Lena Felix Sören=soeren Marie Jonas Heike Ayşe=ayse",
        "Müller=mueller Schmidt Groß=gross Weiß=weiss Fischer Krüger=krueger Becker Schäfer=schaefer Vogel Lehmann",
    ),
    "french": _names(
        "Chloé=chloe Léa=lea Hugo Zoé=zoe François=francois Inès=ines Gaël=gael Manon Jérôme=jerome Anaïs=anais",
        "Lefèvre=lefevre Dubois Martin Bélanger=belanger Moreau Garçon=garcon Petit Noël=noel Gagné=gagne Roux",
    ),
    "spanish": _names(
        "José=jose María=maria Sofía=sofia Diego Lucía=lucia Ángel=angel Begoña=begona Iñaki=inaki Carmen Mateo",
        "García=garcia Muñoz=munoz Rodríguez=rodriguez López=lopez Peña=pena Torres Núñez=nunez Ibáñez=ibanez Vega",
    ),
    "portuguese": _names(
        "João=joao Conceição=conceicao Luís=luis Beatriz Antônio=antonio Júlia=julia Rafael Inês=ines Thiago",
        "Silva Gonçalves=goncalves Araújo=araujo Simões=simoes Oliveira Magalhães=magalhaes Costa Assunção=assuncao",
    ),
    "polish": _names(
        "Łukasz=lukasz Zofia Michał=michal Małgorzata=malgorzata Wojciech Grażyna=grazyna Jan Bożena=bozena",
        "Kowalski Wiśniewska=wisniewska Dąbrowski=dabrowski Wójcik=wojcik Zając=zajac Król=krol Nowak Gołąb=golab",
    ),
    "nordic": _names(
        "Åsa=asa Östen=osten Freja Søren=soren Maja Håkan=hakan Elsa Jørgen=jorgen Linnéa=linnea Göran=goran",
        "Åkesson=akesson Sjöberg=sjoberg Lindström=lindstrom Nyström=nystrom Ødegård=odegard Holm Berg",
    ),
    "turkish": _names(
        "Ayşe=ayse Çağla=cagla Emre Gökçe=gokce Defne İbrahim=ibrahim Mehmet Özgür=ozgur Şeyma=seyma Zeynep",
        "Yılmaz=yilmaz Çelik=celik Şahin=sahin Öztürk=ozturk Aydın=aydin Doğan=dogan",  # noqa: RUF001 - the dotless i
    ),
    "indian": _names(
        "Aarav Priya Rohan Ananya Vikram Ishita Arjun Kavya Rahul Meera आरव=aarav प्रिया=priya Sanjana Karthik",
        "Sharma Patel Reddy Iyer Nair Gupta Rao Menon Desai Kulkarni Banerjee Chopra शर्मा=sharma Bhat Joshi",
    ),
    "japanese": _names(
        "翔太=shota 美咲=misaki 健一=kenichi さくら=sakura 大輔=daisuke 結衣=yui 蓮=ren 陽菜=hina 直樹=naoki",
        "佐藤=sato 鈴木=suzuki 高橋=takahashi 田中=tanaka 渡辺=watanabe 伊藤=ito 山本=yamamoto 小林=kobayashi",
    ),
}
