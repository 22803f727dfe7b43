# install goals
