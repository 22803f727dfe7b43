// SPDX-License-Identifier: MIT
// State that is never changed but copied: the list that grows is another one each time.
import {record} from './record.mjs';

class Store {
  state = {items: [], count: 0};
  add(items) {
    this.state = {...this.state, items: [...this.state.items, ...items], count: this.state.count + items.length};
  }
}

const store = new Store();
let number = 0;
record(() => store.add(Array.from({length: 900}, () => ({number: number++, user: `user ${number}`}))));
